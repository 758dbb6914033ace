"""Words and endings as a tagger looks at them."""

import json

import pytest

from upslope.text.tagging import UNKNOWN, WordFeatures, ending, words_of


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("Walking", "^ing"),
        ("walking", "ing"),
        ("1984", "000"),
        ("B2", "^b0"),
        ("a", "a"),
        (".", "."),
        ("Äpfel", "^fel"),
    ],
)
def test_ending(word, found):
    assert ending(word) == found


def test_what_stands_once_is_unknown():
    features = WordFeatures.of([["The", "cat", "sat"], ["the", "dog", "sat", "that"]])
    assert features.words == ("sat", "the")
    words, endings = features.encode(["THE", "cat", "sat", "Hat"])
    assert words.tolist() == [3, UNKNOWN, 2, UNKNOWN]
    assert endings[2] == features.encode(["xsat"])[1][0], "an ending speaks for words that nobody saw"
    assert features.knows("The")
    assert not features.knows("cat")


def test_json_and_back():
    features = WordFeatures.of([["a", "b", "a", "b"]])
    assert WordFeatures.from_json(json.loads(json.dumps(features.to_json()))) == features


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("They report the changes.", ["They", "report", "the", "changes", "."]),
        ("don't (well-known), 3.5 %", ["don't", "(", "well-known", ")", ",", "3", ".", "5", "%"]),
        ("  \n", []),
        ("ein Äpfelchen — 日本", ["ein", "Äpfelchen", "—", "日本"]),
    ],
)
def test_words_of(text, words):
    assert words_of(text) == words
