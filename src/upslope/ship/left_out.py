"""What lies in a folder beside the files that are read: said, so that nobody believes that all were."""

from collections import Counter
from collections.abc import Collection
from pathlib import Path

from upslope.runs.workspace import short
from upslope.ship.pipelines.pipeline import Remark


def left_out(folder: Path, suffixes: Collection[str]) -> Remark | None:
    """The files of other suffixes and the folders below, counted; hidden ones are nobody's inputs."""
    others = [p for p in folder.iterdir() if p.suffix.lower() not in suffixes and not p.name.startswith(".")]
    if not others:
        return None
    kinds = Counter(_kind(path) for path in others)
    said = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items(), key=lambda each: (-each[1], each[0])))
    return Remark(str(folder), f"{len(others)} in {short(folder)} left out, as their names are not read here: {said}")


def _kind(path: Path) -> str:
    return "folder" if path.is_dir() else path.suffix.lower() or "without a suffix"
