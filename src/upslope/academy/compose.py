"""Composition: which exercises a lab is made of, and the file in which a run keeps the answers that it used.

A lab's parts are the exercises whose lessons say that they return in it. `upslope lab --mine` puts every accepted
answer into an overlay; the same answers are kept in the run's folder, so that a resumed run has the code it began with.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from upslope.academy.lessons import exercises
from upslope.academy.overlay import Answer
from upslope.academy.source import UnknownExercise, locate

FILE = "answers.json"  # in a run's folder


class BadAnswers(ValueError):
    """A file of answers that cannot be used."""


def parts_of(lab: str) -> list[str]:
    """The exercise ids that a lab is made of, in roadmap order."""
    return [step.exercise for step in exercises() if step.exercise and lab in step.returns_in]


def whose(lab: str, answers: Mapping[str, Answer]) -> dict[str, str]:
    """For each part of a lab, "yours" if there is an answer for it, else "ours"."""
    return {exercise: "yours" if exercise in answers else "ours" for exercise in parts_of(lab)}


def usable(answers: Mapping[str, Answer]) -> dict[str, Answer]:
    """The answers whose exercise is still in the library; a store may be older than the package."""
    kept = {}
    for exercise, answer in answers.items():
        try:
            locate(exercise)
        except UnknownExercise:
            continue
        kept[exercise] = answer
    return kept


def part_name(exercise: str) -> str:
    """How people call a part: softmax, Linear, Value.backward."""
    return exercise.rpartition(":")[2]


def dump(answers: Mapping[str, Answer]) -> str:
    """Answers as the text of a file."""
    return json.dumps([{"exercise": a.exercise, "text": a.text, "path": a.path} for a in answers.values()], indent=1)


def load(path: Path) -> dict[str, Answer]:
    """The answers in a file that `dump` made."""
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        answers = [Answer(str(row["exercise"]), str(row["text"]), str(row["path"])) for row in rows]
    except (ValueError, KeyError, TypeError) as error:
        raise BadAnswers(
            f"{path} does not hold the answers of a run ({error}): the run cannot go on with them"
        ) from None
    return {answer.exercise: answer for answer in answers}
