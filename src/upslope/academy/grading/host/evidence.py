"""All that goes wrong with an answer: every comparison that does not hold, in words and with the numbers that came.

Two wrong answers that make the same mistake agree in all of it, up to the last digits, in which another order of the
same sums may differ.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from upslope.academy.grading.protocol.signed_pipe import Message

_SAME = 1e-4  # two numbers are the same if they differ by less than this part
_TINY = 1e-7
_ADDRESS = re.compile(r"0x[0-9a-f]+")  # where an object lies in memory
_NUMBER = re.compile(r"-?\d+\.\d*(?:e[-+]?\d+)?")


@dataclass(frozen=True)
class Note:
    """One thing that goes wrong in a check; for numbers, the ones that came in the place of the right ones."""

    said: str
    values: tuple[float, ...] = ()

    def same(self, other: "Note") -> bool:
        """Whether the same goes wrong, with the same numbers."""
        if self.said != other.said or len(self.values) != len(other.values):
            return False
        return all(_near(one, two) for one, two in zip(self.values, other.values, strict=True))


# By the round of checks and the check's name, for each that came to an end.
Evidence = Mapping[tuple[int, str], list[Note]]


def same(one: Evidence, other: Evidence) -> bool:
    """Whether all that goes wrong is the same: in every round, in every check, with the same numbers."""
    return one.keys() == other.keys() and all(
        len(notes) == len(other[key]) and all(a.same(b) for a, b in zip(notes, other[key], strict=True))
        for key, notes in one.items()
    )


def notes_of(outcome: Message) -> list[Note]:
    """What an outcome in which all was gathered says of what goes wrong."""
    notes = []
    for note in outcome.get("notes", ()):
        values = tuple(float(value) for value in note["values"].split())
        problem = "" if note["problem"].startswith("first difference") else note["problem"]  # where, not what
        words = [note["case"], problem, *([] if values else [note["got"], note["expected"]])]
        notes.append(Note(_rounded(json.dumps(words)), values))
    if "error" in outcome:
        notes.append(Note(said(outcome)))
    return notes


def said(outcome: Message) -> str:
    """What a failure said, so that it can be compared: places left out, numbers to four digits."""
    parts = outcome.get("counterexample") or {"error": outcome.get("error"), "message": outcome.get("message")}
    return _rounded(json.dumps(parts, sort_keys=True))


def _rounded(text: str) -> str:
    return _NUMBER.sub(lambda number: f"{float(number[0]):.3e}", _ADDRESS.sub("0x", text))


def _near(one: float, other: float) -> bool:
    if one == other or (math.isnan(one) and math.isnan(other)):
        return True
    return math.isfinite(one) and abs(one - other) <= _TINY + _SAME * max(abs(one), abs(other))
