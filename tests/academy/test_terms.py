"""The lessons' vocabulary: every term has one home, where it is explained, and is found however a person writes it."""

from dataclasses import replace

import pytest

from upslope.academy import lint
from upslope.academy.lessons import steps
from upslope.academy.terms import REQUIRED, all_terms, bold_words, faults, find_term, missing, near, terms_of

STEPS = pytest.mark.parametrize("step", steps(), ids=lambda step: step.name)


@STEPS
def test_a_lesson_teaches_its_terms(step):
    assert not list(faults(step, steps()))
    for term in terms_of(step):
        assert len(term.meaning.split()) >= 4, term
        assert not set("*`") & set(term.meaning), term


def test_what_an_abstract_needs_is_taught():
    assert missing(steps()) == []
    assert len(REQUIRED) == len(set(REQUIRED)) == 29
    without = [step for step in steps() if step.name != "softmax"]
    assert missing(without) == ["logit", "softmax"]
    assert list(lint.vocabulary(without)) == [f'no lesson teaches the term "{term}"' for term in ("logit", "softmax")]


@pytest.mark.parametrize(
    ("word", "name", "home"),
    [
        ("vanishing gradient", "vanishing gradient", "sigmoid"),
        ("Vanishing Gradients", "vanishing gradient", "sigmoid"),
        ("back-propagation", "backpropagation", "scalar-backward"),
        ("losses", "loss", "scalar-backward"),
        ("batches", "batch", "matmul"),
        ("biases", "bias", "linear"),
        ("regularisation", "regularization", "label-smoothing"),
        ("optimiser", "optimizer", "adam"),
        ("EMA", "exponential moving average", "ema-update"),
        ("mel frequency cepstral coefficient", "mel-frequency cepstral coefficients", "log-mel"),
        ("policies", "policy", "epsilon-greedy"),
    ],
)
def test_a_term_is_found_however_it_is_written(word, name, home):
    found = find_term(word, steps())
    assert (found.name, found.step.name) == (name, home)


def test_no_term_is_found_for_another_word():
    assert find_term("los", steps()) is None
    assert find_term("batchnormal", steps()) is None
    assert near("gradiant", steps())[0] == "gradient"
    assert near("qqqqqqqq", steps()) == []


def test_the_meaning_is_the_sentence_that_explains():
    (step, *_) = steps()
    body = (
        "**Why so?** A first one, by Ba et al. (2016). It is a **thing** (T), which\nholds `x` and *y*. "
        "**Others** are these:\n\n```text\n**no** = 1\n```\n\nThe end."
    )
    made = replace(step, body=body, terms=("thing (T)", "other", "none"))
    thing, other, none = terms_of(made)
    assert thing.meaning == "A first one, by Ba et al. (2016). It is a thing (T), which holds x and y."
    assert other.meaning == "Others are these."
    assert none.meaning == ""
    assert bold_words(body) == ["thing", "Others"]
    said = list(faults(made, [made]))
    assert said == ['its term "none" is bold 0 times; it is bold once, where it is explained']


def test_a_term_has_one_home():
    first, second, *_ = steps()
    made = replace(second, terms=(*second.terms[:-1], "loss"), body=second.body.replace("epoch", "loss"))
    assert list(faults(made, [first, made])) == [
        'its term "loss" is taught in scalar-backward as well; a term has one home'
    ]


def test_the_number_of_terms_is_bounded():
    (step, *_) = steps()
    for terms in (step.terms[:2], (*step.terms, "a", "b")):
        assert any("a lesson teaches 3 to 6" in said for said in faults(replace(step, terms=terms), steps()))


def test_names_are_told_apart():
    """Two terms that one word would find would hide one of them."""
    for term in all_terms(steps()):
        assert find_term(term.name, steps()) == term
        assert not term.short or find_term(term.short, steps()) == term
