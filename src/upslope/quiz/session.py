"""One quiz: which question comes next, how hard it is, the score, and what to look at afterwards.

A question is a function of the seed, its number and its level, so that a quiz can be repeated. The level rises with
every second right answer, and falls again with wrong ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from random import Random

from upslope.quiz.question import LEVELS, Question, Topic

_STEPS = 2  # right answers to a level


@dataclass(frozen=True)
class Answered:
    """What was said to a question; `given` is None where the working was shown or no number came."""

    topic: Topic
    level: int
    question: Question
    given: Fraction | None

    @property
    def right(self) -> bool:
        """Whether it was the right number."""
        return self.given == self.question.answer


@dataclass(frozen=True)
class Advice:
    """A lesson to go to, and how its questions went."""

    lesson: str
    right: int
    asked: int


class Quiz:
    """Questions of some topics, one after the other, and how they were answered."""

    def __init__(self, topics: Sequence[Topic], *, seed: int) -> None:
        self.topics, self.seed = tuple(topics), seed
        self.answered: list[Answered] = []
        self._steps = 0
        self._next = self._draw()

    @property
    def number(self) -> int:
        """Of the question that is asked now, from 1."""
        return len(self.answered) + 1

    @property
    def level(self) -> int:
        """From 1 to LEVELS."""
        return 1 + self._steps // _STEPS

    @property
    def topic(self) -> Topic:
        """What the question is about: each topic once in every round, in an order that is drawn anew."""
        number, place = divmod(len(self.answered), len(self.topics))
        return Random(f"{self.seed} {number}").sample(self.topics, len(self.topics))[place]

    @property
    def question(self) -> Question:
        """The one that is asked now."""
        return self._next

    @property
    def right(self) -> int:
        """How many were answered rightly."""
        return sum(each.right for each in self.answered)

    def answer(self, given: Fraction | None) -> Answered:
        """Take the answer, None if there is none, and go on to the next question."""
        said = Answered(self.topic, self.level, self._next, given)
        self.answered.append(said)
        self._steps = min(max(self._steps + (1 if said.right else -1), 0), LEVELS * _STEPS - 1)
        self._next = self._draw()
        return said

    def advice(self) -> list[Advice]:
        """The lessons whose questions were not all answered rightly, the worst first."""
        by_lesson: dict[str, list[Answered]] = {}
        for each in self.answered:
            by_lesson.setdefault(each.question.lesson, []).append(each)
        rows = [Advice(lesson, sum(e.right for e in some), len(some)) for lesson, some in by_lesson.items()]
        return sorted((row for row in rows if row.right < row.asked), key=lambda row: row.right - row.asked)

    def _draw(self) -> Question:
        topic = self.topic
        return topic.draw(Random(f"{self.seed} {self.number} {topic.name} {self.level}"), self.level)
