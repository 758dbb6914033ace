"""Text files as data sets come in them: lines, comma-separated values, JSON lines, and CoNLL's columns.

Every reader takes UTF-8 with Unix or Windows line ends, with or without a byte order mark. What a file should not hold
is refused in one sentence with its line.
"""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from upslope.runs.errors import DataProblem


def lines(path: Path) -> tuple[str, ...]:
    """The lines of a file, without their ends; an empty last line does not count."""
    return tuple(_text(path).splitlines())


def csv_columns(path: Path, *, header: tuple[str, ...] = (), delimiter: str = ",") -> dict[str, tuple[str, ...]]:
    """The columns of a file, by name: by those in `header`, or by its first row. Quoted fields may hold line ends."""
    rows = csv.reader(_text(path).splitlines(keepends=True), delimiter=delimiter, strict=True)
    try:
        names = header or tuple(next(rows, ()))
        kept: list[list[str]] = []
        for row in rows:
            if not row:
                continue
            if len(row) != len(names):
                raise DataProblem(
                    f"{path.name}, line {rows.line_num}: {len(row)} fields, expected {len(names)} ({', '.join(names)})"
                )
            kept.append(row)
    except csv.Error as error:
        raise DataProblem(f"{path.name}, line {rows.line_num}: {error}") from None
    if not names or len(set(names)) != len(names):
        raise DataProblem(f"{path.name} needs a column name for each field, all different; got {', '.join(names)}")
    return {name: tuple(row[place] for row in kept) for place, name in enumerate(names)}


def json_lines(path: Path) -> tuple[Any, ...]:
    """One JSON value a line; empty lines are passed over."""
    found = []
    for number, line in enumerate(lines(path), 1):
        if line.strip():
            try:
                found.append(json.loads(line))
            except ValueError as error:
                raise DataProblem(f"{path.name}, line {number} is not JSON: {error}") from None
    return tuple(found)


def conll(
    path: Path, *, columns: tuple[str, ...], delimiter: str | None = None
) -> Iterator[dict[str, tuple[str, ...]]]:
    """Sentences in CoNLL's format: a word a line with its annotations, sentences apart by an empty line.

    Each sentence is a dict from a column's name to its values, one for each word. Comments (#) and -DOCSTART- lines are
    left out. `delimiter` None takes any white space.
    """
    words: list[list[str]] = []
    for number, line in enumerate((*lines(path), ""), 1):
        if not line.strip():
            if words:
                yield {name: tuple(word[place] for word in words) for place, name in enumerate(columns)}
            words = []
            continue
        if line.startswith(("# ", "-DOCSTART-")):
            continue
        fields = line.split(delimiter)
        if len(fields) != len(columns):
            raise DataProblem(
                f"{path.name}, line {number}: {len(fields)} columns, expected {len(columns)} ({', '.join(columns)})"
            )
        words.append(fields)


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DataProblem(f"{path.name} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise DataProblem(f"{path.name}, line {line} is not UTF-8: byte 0x{error.object[error.start]:02x}") from None
