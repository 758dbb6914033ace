"""Which name was meant: slips are caught, and a word that is near to none gets no guess."""

import pytest

from upslope.academy.lessons import UnknownStep, find, steps
from upslope.spelling import did_you_mean, distance, nearest

NAMES = [step.name for step in steps()]


@pytest.mark.parametrize(
    ("one", "other", "slips"),
    [("", "abc", 3), ("relu", "relu", 0), ("sofmax", "softmax", 1), ("adma", "adam", 1), ("kitten", "sitting", 3)],
)
def test_distance(one, other, slips):
    assert distance(one, other) == distance(other, one) == slips


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("sofmax", "softmax"),
        ("softmx", "softmax"),
        ("Softmax_", "softmax"),
        ("crossentropy", "cross-entropy"),
        ("cross_entropi", "cross-entropy"),
        ("label", "label-smoothing"),
    ],
)
def test_slips_and_beginnings(word, meant):
    assert nearest(word, NAMES) == [meant]


@pytest.mark.parametrize("word", ["nothing", "everything", "picture", "x", "python", "homework", ""])
def test_a_word_far_from_all_names_gets_no_guess(word):
    assert nearest(word, NAMES) == []
    assert did_you_mean(word, NAMES) == ""


def test_instead_it_is_said_where_the_names_stand():
    with pytest.raises(UnknownStep, match=r'^no step is called "nothing"; upslope learn lists all steps$'):
        find("nothing")
