"""A question with its answer, the working that leads there, and what known mistakes give instead.

K. VanLehn, "Mind bugs: the origins of procedural misconceptions", 1990: wrong answers to arithmetic are seldom random;
most are what a right procedure with one fault in it gives. So each question carries the results of the faults that
people really make, and a wrong answer that equals exactly one of them is told which.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from random import Random
from typing import Any

LEVELS = 5
_DRAWS = 8
_ENOUGH = 3  # mistakes to be told apart


@dataclass(frozen=True)
class Mistake:
    """What comes out if `clause`: "the padding is put on one side only"."""

    clause: str
    value: Fraction


@dataclass(frozen=True)
class Question:
    """One question; `settings` describes it to programs, in PyTorch's words, and `lesson` teaches what it asks."""

    text: str
    answer: int
    working: tuple[str, ...]
    mistakes: tuple[Mistake, ...]
    lesson: str
    settings: dict[str, Any]

    def mistake(self, given: Fraction) -> Mistake | None:
        """The one known mistake that gives this answer; None for the right one, and where several give it."""
        found = [each for each in self.mistakes if each.value == given]
        return found[0] if len(found) == 1 and given != self.answer else None

    @property
    def told_apart(self) -> int:
        """How many of the mistakes can be named from their answer."""
        return sum(self.mistake(each.value) is not None for each in self.mistakes)


@dataclass(frozen=True)
class Topic:
    """What one file asks: `make` draws a question of a level from 1, easy, to LEVELS."""

    name: str
    title: str
    place: int  # among the topics of its subject: the smallest first
    make: Callable[[Random, int], Question]

    def draw(self, rng: Random, level: int) -> Question:
        """A question in which mistakes can be told apart: the first that will do, else the best of a few."""
        best = self.make(rng, level)
        for _ in range(_DRAWS - 1):
            if best.told_apart >= _ENOUGH:
                break
            best = max(best, self.make(rng, level), key=lambda question: question.told_apart)
        return best


def mistakes(answer: int, rows: Iterable[tuple[str, int | Fraction]]) -> tuple[Mistake, ...]:
    """The mistakes that change this answer, each clause once."""
    found = {clause: Fraction(value) for clause, value in rows if value != answer}
    return tuple(Mistake(clause, value) for clause, value in found.items())
