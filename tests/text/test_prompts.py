"""Prompts hold what they should where they should; examples are even over the classes."""

import numpy as np
import pytest

from upslope.cards import discover
from upslope.features import ClassLabel
from upslope.text.prompts import Wording, balanced
from upslope.text.wordings import WORDINGS

WORDING = Wording("named", "Review: {text}\nSentiment:", (" bad", " good"), "Judge films.")


def test_a_prompt_ends_where_the_label_follows():
    assert WORDING.prompt("Fine.") == "Judge films.\n\nReview: Fine.\nSentiment:"
    expected = "Judge films.\n\nReview: Dull.\nSentiment: bad\n\nReview: Fine.\nSentiment:"
    assert WORDING.prompt("Fine.", [("Dull.", 0)]) == expected


def test_a_text_with_braces_is_taken_as_it_is():
    assert "{text} {0} {x}" in WORDING.prompt("{text} {0} {x}", [("{}", 1)])


def test_a_wording_without_a_place_for_the_text_is_refused():
    with pytest.raises(ValueError, match="has no place for"):
        Wording("none", "Review:", (" bad", " good"))


def test_every_beginning_of_the_examples_is_as_even_as_can_be():
    labels = np.random.default_rng(0).integers(6, size=200)
    chosen = balanced(labels, 16, rng=np.random.default_rng(1))
    assert len(set(chosen.tolist())) == 16
    for count in range(1, 17):
        counts = np.bincount(labels[chosen[:count]], minlength=6)
        assert counts.max() - counts.min() <= 1
    assert not np.array_equal(chosen, balanced(labels, 16, rng=np.random.default_rng(2)))


def test_a_small_class_is_used_up_and_the_others_go_on():
    assert sorted(balanced(np.array([0, 1, 1, 1, 1]), 4, rng=np.random.default_rng(0)))[0] == 0


@pytest.mark.parametrize("name", WORDINGS)
def test_wordings_have_a_label_for_each_class_of_their_data_set(name):
    card = discover("data")[name].card
    _, classes = card.of(ClassLabel)
    assert len({wording.name for wording in WORDINGS[name]}) == 3
    for wording in WORDINGS[name]:
        assert len(set(wording.labels)) == len(classes.names)
        assert all(label.startswith(" ") for label in wording.labels)
        assert not wording.prompt("x").endswith(" ")
