"""A text that is edited and still knows where each of its characters came from."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Edit:
    """What replaces the characters from `start` to `end`."""

    start: int
    end: int
    new: str


class Aligned:
    """A text after any number of edits. Of each character the place in the original is kept."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._starts: list[int] | range = range(len(text))
        self._ends: list[int] | range = range(1, len(text) + 1)

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """Where in the original these characters stood; between two characters, where there are none."""
        if start < end:
            return self._starts[start], self._ends[end - 1]
        place = self._starts[start] if start < len(self.text) else (self._ends[-1] if self.text else 0)
        return place, place

    def apply(self, edits: Iterable[Edit]) -> None:
        """Make these edits, which are in order and do not overlap."""
        parts: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        done = 0
        for edit in edits:
            first, last = self.origin(edit.start, edit.end)
            parts += [self.text[done : edit.start], edit.new]
            starts += [*self._starts[done : edit.start], *[first] * len(edit.new)]
            ends += [*self._ends[done : edit.start], *[last] * len(edit.new)]
            done = edit.end
        if not parts:
            return
        self.text = "".join([*parts, self.text[done:]])
        self._starts, self._ends = [*starts, *self._starts[done:]], [*ends, *self._ends[done:]]
