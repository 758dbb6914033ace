"""The order of the lessons: `lessons/roadmap.toml`, one list of levels, their parts and the steps of each.

A step is written as its lesson's path without `.md`, `foundations/softmax`. Its number is counted from the list and
stands nowhere else, so that a lesson can be inserted or moved and no path changes, neither ours nor a learner's.
"""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE = "roadmap.toml"
_STEP = re.compile(r"(?P<topic>[a-z0-9-]+)/(?P<name>[a-z0-9-]+)")


class BadLesson(ValueError):
    """A lesson file, or the list of them, that cannot be used."""


@dataclass(frozen=True)
class Place:
    """Where a step stands on the roadmap."""

    level: int
    level_title: str
    part: str  # the title of the part of the level
    order: int  # counted from 1 within the level
    topic: str  # the folder of the lesson and of the learner's file
    name: str


def places(folder: Path) -> tuple[Place, ...]:
    """The places of all steps in a folder of lessons, in order. Raises BadLesson, saying what is wrong with the list.

    The list and the lesson files must be the same: a step without a file and a file without a step are refused.
    """
    path = folder / FILE
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadLesson(f"{path}: the order of the lessons cannot be read: {error}") from None
    found = list(_places(path, content))
    listed = [f"{place.topic}/{place.name}" for place in found]
    files = {file.relative_to(folder).with_suffix("").as_posix() for file in folder.glob("**/*.md")}
    for step in listed:
        if listed.count(step) > 1:
            raise BadLesson(f"{path}: {step} is listed twice; a step has one place on the roadmap")
        if step not in files:
            raise BadLesson(f"{path}: {step} is listed, and there is no lesson {step}.md")
    for step in sorted(files - set(listed)):
        raise BadLesson(f"{path}: the lesson {step}.md is not listed; write its line where a learner should meet it")
    return tuple(found)


def _places(path: Path, content: dict[str, Any]) -> Iterator[Place]:
    numbers: list[int] = []
    for level in _tables(path, content, "level", {"number", "title", "part"}):
        number, title = _value(path, level, "number", int), _value(path, level, "title", str)
        if number < 0 or (numbers and number <= numbers[-1]):
            raise BadLesson(f"{path}: level {number} stands after level {numbers[-1] if numbers else 0}; they count up")
        numbers.append(number)
        order = 0
        for part in _tables(path, level, "part", {"title", "steps"}):
            heading = _value(path, part, "title", str)
            for step in _value(path, part, "steps", list):
                order += 1
                match = _STEP.fullmatch(step) if isinstance(step, str) else None
                if match is None:
                    raise BadLesson(f"{path}: {step!r} is not a step; a step is written foundations/softmax")
                yield Place(number, title, heading, order, match["topic"], match["name"])


def _tables(path: Path, table: dict[str, Any], name: str, known: set[str]) -> list[dict[str, Any]]:
    """The tables [[name]] in a table, each with known keys only."""
    rows = table.get(name, [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise BadLesson(f"{path}: {name} is written as [[{name}]] or [[level.part]], not as a value")
    for row in rows:
        for key in sorted(set(row) - known):
            raise BadLesson(f"{path}: a {name} has no {key!r}; it has {', '.join(sorted(known))}")
    return rows


def _value(path: Path, table: dict[str, Any], key: str, kind: type) -> Any:
    if not isinstance(table.get(key), kind):
        raise BadLesson(f"{path}: {key} = {table.get(key)!r} should be {kind.__name__} in every level and part")
    return table[key]
