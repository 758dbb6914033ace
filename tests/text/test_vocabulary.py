"""Texts as ids: which terms they have, what is unknown, and the way to JSON and back; slips of the keyboard."""

import json

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer

from upslope.text.ngrams import word_ngrams
from upslope.text.typos import with_typos
from upslope.text.vocabulary import Terms, Vocabulary, padded, spaced

TEXTS = ("The film is good.", "The plot is dull, the cast is good.", "Running!")


def test_terms():
    assert Terms()("The cat's RUNNING!") == ["the", "cat's", "running", "!"]
    assert Terms(order=2)("a b c") == ["a", "b", "c", "a b", "b c"]
    assert Terms(stems=True)("running cats") == ["running", "cats", "=run", "=cat"]
    assert "#run" in Terms(pieces=True)("running")
    assert Terms(order=2)("") == []
    assert Terms(at_spaces=True)("it's ( 8/10 ) u.s.") == ["it's", "(", "8/10", ")", "u.s."]
    assert spaced("It's (8/10) good...") == "It's ( 8/10 ) good ..."


def test_the_vocabulary_is_scikit_learns():
    look = Terms(order=2)
    peer = CountVectorizer(analyzer=lambda text: word_ngrams(Terms()(text), high=2), min_df=2).fit(TEXTS)
    assert Vocabulary.of(TEXTS, look, least=2).terms == tuple(peer.get_feature_names_out())


def test_ids_of_a_sequence_and_of_a_bag():
    words = Vocabulary.of(TEXTS, least=2)
    assert words.terms == (".", "good", "is", "the")
    assert words.size == 6
    assert words.encode("the the film is").tolist() == [5, 5, 1, 4]
    bag = Vocabulary(words.terms, bag=True)
    assert bag.encode("the the film is").tolist() == [5, 4]
    for vocabulary in (words, bag):
        assert vocabulary.encode("").tolist() == [0]
        assert len(Vocabulary(words.terms, longest=3, bag=vocabulary.bag).encode("the film is good . .")) == 3
    assert words.known("The Good zebra") == (2, 3)


def test_a_vocabulary_survives_json():
    vocabulary = Vocabulary.of(TEXTS, Terms(order=2, stems=True), least=2, longest=99, bag=True)
    again = Vocabulary.from_json(json.loads(json.dumps(vocabulary.to_json())))
    assert again == vocabulary
    assert again.encode(TEXTS[1]).tolist() == vocabulary.encode(TEXTS[1]).tolist()


def test_padded():
    rows = [np.array([3, 4]), np.array([5])]
    assert padded(rows).tolist() == [[3, 4], [5, 0]]
    assert padded(rows, length=4).shape == (2, 4)


def test_typos_are_one_slip_in_some_long_words():
    text = " ".join(["wonderful the film-maker 12345 actors"] * 200)
    typed = with_typos(text, np.random.default_rng(0), share=0.2)
    before, after = text.split(" "), typed.split(" ")
    assert len(before) == len(after)
    changed = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
    assert {a for a, _ in changed} == {"wonderful", "actors"}
    assert len(changed) / 400 == pytest.approx(0.2, abs=0.06)
    for a, b in changed:
        assert b[0] == a[0]
        assert len(b) == len(a) - 1 or sorted(b) == sorted(a)
    assert {len(a) - len(b) for a, b in changed} == {0, 1}
    assert with_typos(text, np.random.default_rng(0), share=0.0) == text
    assert with_typos(text, np.random.default_rng(3)) == with_typos(text, np.random.default_rng(3))
