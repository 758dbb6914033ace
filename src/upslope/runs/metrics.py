"""metrics.jsonl: one line of JSON per logged step, and its exact length at each checkpoint.

Lines hold no clock times, so that a resumed run's file equals the uninterrupted run's byte for byte. A number that
JSON cannot say (nan, infinity) is written as null and read as nan.
"""

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import SupportsFloat

from upslope.runs.errors import RunProblem
from upslope.runs.files import writing

Row = dict[str, float]


class MetricsFile:
    """The file a run appends to. Each line is one write, so a reader sees whole lines."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with writing(path):
            self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            self.length = os.fstat(self._descriptor).st_size

    def append(self, step: int, metrics: Mapping[str, SupportsFloat]) -> None:
        """Add the line of one step."""
        line = (json.dumps({"step": step, **{name: _plain(value) for name, value in metrics.items()}}) + "\n").encode()
        with writing(self.path):
            written = os.write(self._descriptor, line)
            while written < len(line):
                written += os.write(self._descriptor, line[written:])
        self.length += len(line)

    def sync(self) -> None:
        """Force what was appended to the disk, before a checkpoint says how long the file is."""
        with writing(self.path):
            os.fsync(self._descriptor)

    def cut(self, length: int) -> None:
        """Forget the lines after the first `length` bytes: they were logged after the checkpoint."""
        with writing(self.path):
            os.ftruncate(self._descriptor, length)
        self.length = length

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def read_metrics(path: Path) -> list[Row]:
    """All lines of a metrics file. A torn last line (of a run that was killed, or is writing now) is left out."""
    if not path.is_file():
        return []
    rows: list[Row] = []
    lines = path.read_bytes().split(b"\n")
    for number, line in enumerate(lines[:-1], start=1):
        try:
            parsed = json.loads(line)
            rows.append({name: math.nan if value is None else value for name, value in parsed.items()})
        except (ValueError, AttributeError):
            raise RunProblem(f"line {number} of {path.parent.name}/{path.name} is not a line of metrics") from None
    return rows


def last_step(path: Path) -> int:
    """The step of the last whole line; 0 where there is none."""
    try:
        with open(path, "rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 4096))
            lines = file.read().split(b"\n")
        return int(json.loads(lines[-2])["step"]) if len(lines) > 1 else 0
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def series(rows: list[Row], name: str) -> tuple[list[float], list[float]]:
    """The steps at which a metric was logged, and its values."""
    found = [(row["step"], row[name]) for row in rows if name in row]
    return [step for step, _ in found], [value for _, value in found]


def _plain(value: SupportsFloat) -> float | int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    number = float(value)
    return number if math.isfinite(number) else None
