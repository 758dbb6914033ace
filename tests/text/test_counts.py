"""Counts, TF-IDF and hashing equal scikit-learn's; n-grams equal its analyzers."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.utils import murmurhash3_32

from upslope.data import udhr
from upslope.text.counts import BagOfWords, NoTerms, TfIdf, hashed, plain_words, words_and_pairs
from upslope.text.murmur import murmur3
from upslope.text.ngrams import character_ngrams, word_ngrams
from upslope.text.split import sentences, words

TEXTS = [*udhr.toy(rng=np.random.default_rng(0), count=150)["text"], "", "a", "the the cat", "The CAT's 42 é_1"]


def characters(text):
    return character_ngrams(text.lower(), low=3, high=5)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ({}, {}),
        ({"min_df": 3}, {"min_texts": 3}),
        ({"ngram_range": (1, 2)}, {"terms": words_and_pairs}),
        ({"analyzer": "char_wb", "ngram_range": (3, 5)}, {"terms": characters}),
    ],
)
def test_equals_scikit_learn(theirs, ours):
    peer, bag = CountVectorizer(**theirs), BagOfWords(**ours)
    expected, got = peer.fit_transform(TEXTS), bag.fit(TEXTS)
    assert list(bag.columns) == list(peer.get_feature_names_out())
    assert abs(expected - got).max() == 0
    for sublinear in (False, True):
        peer, weighted = TfidfVectorizer(sublinear_tf=sublinear, **theirs), TfIdf(sublinear=sublinear, **ours)
        assert abs(peer.fit_transform(TEXTS[:100]) - weighted.fit(TEXTS[:100])).max() < 1e-12
        assert abs(peer.transform(TEXTS[100:]) - weighted.transform(TEXTS[100:])).max() < 1e-12


def test_the_commonest_terms():
    bag = BagOfWords(most=2)
    assert bag.fit(["bb bb aa", "cc aa", "dd"]).toarray().tolist() == [[1, 2], [1, 0], [0, 0]]
    assert list(bag.columns) == ["aa", "bb"]


def test_hashing_equals_scikit_learn():
    expected = HashingVectorizer(norm=None, n_features=2**18).transform(TEXTS)
    assert abs(expected - hashed(TEXTS)).max() == 0


@given(st.binary(max_size=40), st.integers(0, 2**32 - 1))
def test_murmur_equals_scikit_learn(content, seed):
    assert murmur3(content, seed=seed) == murmurhash3_32(content, seed=seed)


@given(st.text(max_size=60))
def test_ngrams_of_any_text_equal_scikit_learn(text):
    for low, high in ((1, 1), (1, 3), (2, 4)):
        analyze = CountVectorizer(ngram_range=(low, high), lowercase=False, token_pattern=r"\S+").build_analyzer()
        assert word_ngrams(text.split(), low=low, high=high) == analyze(text)
        analyze = CountVectorizer(ngram_range=(low, high), lowercase=False, analyzer="char_wb").build_analyzer()
        assert character_ngrams(text, low=low, high=high) == analyze(text)


def test_nothing_to_count_is_said():
    with pytest.raises(NoTerms, match="no term occurs in 2 of the texts or more"):
        BagOfWords(min_texts=2).fit(["one text", "another"])


def test_plain_words():
    assert plain_words("The cat's 42 É_1 a") == ["the", "cat", "42", "é_1"]


@example(" \u0e31").via("a mark that combines, behind a space")
@given(st.text(max_size=80))
def test_pieces_stand_where_they_say(text):
    for split in (words, sentences):
        end = 0
        for span in split(text):
            assert span.start >= end
            assert text[span.start : span.end] == span.text
            assert span.text.strip() == span.text != ""
            end = span.end
    joined = "".join(span.text for span in words(text))
    assert "".join(joined.split()) == "".join(text.split())


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("Don't go!", ["Don't", "go", "!"]),
        ("well-known facts: 1,234.5 and 3rd", ["well-known", "facts", ":", "1,234.5", "and", "3rd"]),
        (
            "See https://a.org/x?y=1, or mail me@b.com.",
            ["See", "https://a.org/x?y=1", ",", "or", "mail", "me@b.com", "."],
        ),
        ("The U.S. 👩‍🚀 flew", ["The", "U.S.", "👩‍🚀", "flew"]),
        ("می‌خواهم", ["می‌خواهم"]),
        ("自由です", ["自", "由", "で", "す"]),
    ],
)
def test_words(text, pieces):
    assert [span.text for span in words(text)] == pieces


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("Dr. Smith met J. Doe at 3.5 p.m. He left.", ["Dr. Smith met J. Doe at 3.5 p.m.", "He left."]),
        ('She said "Go." Then left...', ['She said "Go."', "Then left..."]),
        ("e.g. this one. and on", ["e.g. this one. and on"]),
        ("A title\n\nText.", ["A title", "Text."]),
        ("自由。平等！", ["自由。", "平等！"]),
        ("So am I. You too.", ["So am I.", "You too."]),
        ("", []),
    ],
)
def test_sentences(text, pieces):
    assert [span.text for span in sentences(text)] == pieces
