"""Which exercises a lab is made of, and the file in which a run keeps the answers that it used.

A lab's parts are the exercises whose lessons say that they return in it, some of them with certain settings only: a
Vision Transformer has no residual block of convolutions. `upslope lab --mine` puts every accepted
answer into an overlay; the same answers are kept in the run's folder, so that a resumed run has the code it began with.
"""

import ast
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

from upslope.academy.lessons import exercises
from upslope.academy.overlay import Submission
from upslope.academy.reference import UnknownExercise, locate, parse
from upslope.cards import Found, LabCard

FILE = "answers.json"  # in a run's folder


class BadAnswers(ValueError):
    """A file of answers that cannot be used."""


def parts_of(lab: str, config: Mapping[str, object] | None = None) -> list[str]:
    """The exercise ids that a lab is made of, in roadmap order; with these settings, or with any at all."""
    return [
        step.exercise
        for step in exercises()
        if step.exercise and any(place.name == lab and place.holds(config) for place in step.returns)
    ]


def whose(lab: str, answers: Mapping[str, Submission], config: Mapping[str, object] | None = None) -> dict[str, str]:
    """For each part of a lab, "yours" if there is an answer for it, else "ours"."""
    return {exercise: "yours" if exercise in answers else "ours" for exercise in parts_of(lab, config)}


def settings_said(found: Found, words: Sequence[str] = (), preset: str = "laptop") -> dict[str, object]:
    """A lab's settings as far as reading goes, without loading the lab: its file's defaults, a preset, what was typed.

    What a lab derives from other settings is not in it.
    """
    card = cast(LabCard, found.card)
    said: dict[str, object] = {}
    for node in parse(found.path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef) and node.name == "Config":
            for line in node.body:
                if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
                    value = line.value.args[0] if isinstance(line.value, ast.Call) and line.value.args else line.value
                    if isinstance(value, ast.Constant):
                        said[line.target.id] = value.value
    said |= card.presets.get(preset, {})
    return said | {key.strip(): value.strip() for key, _, value in (word.partition("=") for word in words)}


def usable(answers: Mapping[str, Submission]) -> dict[str, Submission]:
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


def dump(answers: Mapping[str, Submission]) -> str:
    """Answers as the text of a file."""
    return json.dumps([{"exercise": a.exercise, "text": a.text, "path": a.path} for a in answers.values()], indent=1)


def load(path: Path) -> dict[str, Submission]:
    """The answers in a file that `dump` made."""
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        answers = [Submission(str(row["exercise"]), str(row["text"]), str(row["path"])) for row in rows]
    except (ValueError, KeyError, TypeError) as error:
        raise BadAnswers(
            f"{path} does not hold the answers of a run ({error}): the run cannot be resumed with them"
        ) from None
    return {answer.exercise: answer for answer in answers}
