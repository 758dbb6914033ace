"""Migration: moving a learner's files to where this version of the roadmap looks for them, by exercise id.

Before the roadmap had a list of its own a file was named by its lesson's number, `1-foundations/08-softmax.py`; now it
is `foundations/softmax.py`, and changes only when a lesson is renamed or gets another topic. Which exercise an older
file answers is read from the progress store (where stubs were written, what was graded), else from its name.

A file keeps its bytes and is never written over: each move is one rename, so after a kill every file is at the old
place or at the new one, and the next verb continues. An untouched stub is replaced by a learner's work.
"""

import contextlib
import fcntl
import hashlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from upslope.academy.lessons import Step, steps
from upslope.academy.progress import BadProgress, Progress
from upslope.runs.errors import DiskProblem
from upslope.runs.files import make_folder, sync_folder, writing

_LEVEL = re.compile(r"\d-[a-z0-9-]+")
_NUMBERED = re.compile(r"\d-[a-z0-9-]+/\d\d-(?P<name>[a-z0-9-]+)\.py")


@dataclass(frozen=True)
class Double:
    """Two files of one exercise, both with a learner's work in them."""

    old: Path
    counts: Path  # the one that is graded
    told: bool  # whether that was said before


@dataclass(frozen=True)
class Migration:
    """What became of the files of an older workspace; all paths are relative to the exercises folder."""

    moved: tuple[tuple[Path, Path], ...] = ()  # from, to
    doubles: tuple[Double, ...] = ()
    left: tuple[Path, ...] = ()  # a learner's other files beside those that moved
    refused: str = ""  # why files could not be moved


def migrate(folder: Path, store: Path, roadmap: Sequence[Step] | None = None) -> Migration:
    """Move what lies in an exercises folder at places of before. `store` is the progress file.

    Where everything is in place nothing is read but the folder's list of files.
    """
    wanted = _asking(steps() if roadmap is None else roadmap)
    if not _strange(folder, wanted):
        return Migration()
    progress = Progress(store)
    with _locked(folder):  # another verb may be at it
        return _move(folder, progress, older_files(folder, progress, wanted), wanted)


def file_of(step: Step, folder: Path, store: Path) -> Path:
    """The learner's file for a step: at its place, or where it could not be moved from."""
    file = folder / step.file
    wanted = _asking(steps())
    if not file.exists() and _strange(folder, wanted):
        for old in older_files(folder, Progress(store), wanted).get(str(step.exercise), ())[:1]:
            return folder / old
    return file


def older_files(folder: Path, progress: Progress, wanted: Mapping[Path, Step]) -> dict[str, list[Path]]:
    """The files at places of before that answer an exercise, by its id; a learner's newest work comes first."""
    ids = {step.exercise for step in wanted.values()}
    by_name = {name: step.exercise for step in wanted.values() for name in (step.name, *step.was)}
    renamed = {Path(s.topic) / f"{name}.py": s.exercise for s in wanted.values() for name in s.was}
    said = sorted((*progress.events("stub"), *progress.events("moved")), key=lambda event: event.id)
    placed = {Path(e.payload["path"]): e.subject for e in said if "path" in e.payload}
    graded: dict[Path, str] = {}
    found: dict[str, list[Path]] = {}
    strange = _strange(folder, wanted)
    if any(_NUMBERED.fullmatch(path.as_posix()) for path in strange):
        graded = {Path(*Path(path).parts[-2:]): exercise for exercise, path in progress.graded_paths()}
    for path in strange:
        exercise = placed.get(path) or renamed.get(path)
        numbered = _NUMBERED.fullmatch(path.as_posix())
        if numbered:
            exercise = exercise or by_name.get(numbered["name"])
            exercise = graded[path] if graded.get(path) in ids else exercise
        if exercise in ids:
            found.setdefault(str(exercise), []).append(path)
    ours = written_by_us(progress)
    for paths in found.values():
        paths.sort(key=lambda path: (_untouched(folder / path, ours), -(folder / path).stat().st_mtime))
    return found


def written_by_us(progress: Progress) -> set[str]:
    """Hashes of all stubs that were ever written: a file with such a hash holds nothing of the learner's."""
    return {str(event.payload["sha256"]) for event in progress.events("stub")}


def digest(content: bytes) -> str:
    """The sha256 by which a stub is known again."""
    return hashlib.sha256(content).hexdigest()


def _asking(roadmap: Sequence[Step]) -> dict[Path, Step]:
    return {step.file: step for step in roadmap if step.exercise}


def _strange(folder: Path, wanted: Mapping[Path, Step]) -> list[Path]:
    """The Python files, one folder down, that stand at no exercise's place."""
    found = [path for path in folder.glob("*/*.py") if path.is_file()]
    return sorted(path.relative_to(folder) for path in found if path.relative_to(folder) not in wanted)


def _untouched(file: Path, ours: set[str]) -> bool:
    """Whether a file holds nothing of the learner's: it is blank, or a stub as it was written."""
    content = _content(file)
    return content is not None and (not content.strip() or digest(content) in ours)


def _content(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except OSError:
        return None


def _move(
    folder: Path, progress: Progress, older: Mapping[str, Sequence[Path]], wanted: Mapping[Path, Step]
) -> Migration:
    ours = written_by_us(progress)
    told = {(e.payload["path"], e.payload["sha256"]) for e in progress.events("double")}
    moved: list[tuple[Path, Path]] = []
    doubles: list[Double] = []
    refused = ""
    for place, step in wanted.items():
        for old in older.get(str(step.exercise), ()):
            source, target = folder / old, folder / place
            there = target.exists() and not (target.is_symlink() and target.samefile(source))
            try:
                if target.is_dir():  # init says so
                    continue
                if there and (_untouched(source, ours) or _content(source) == _content(target) is not None):
                    with writing(source):
                        source.unlink()  # nothing of the learner's, or the very bytes that stand at the new place
                elif there and not _untouched(target, ours):
                    fact = (str(old), digest(_content(source) or b""))
                    doubles.append(Double(old, place, fact in told))
                    if fact not in told:
                        progress.add("double", str(step.exercise), path=fact[0], sha256=fact[1])
                else:
                    make_folder(target.parent)
                    progress.add("moved", str(step.exercise), path=str(place), before=str(old))
                    with writing(target):
                        os.replace(source, target)  # onto an untouched stub, if anything
                        sync_folder(target.parent)
                    moved.append((old, place))
            except (DiskProblem, BadProgress) as problem:
                refused = str(problem)
    answers = {path for paths in older.values() for path in paths}
    left = _tidy(folder, {path.parent for path in answers}, answers)
    return Migration(tuple(moved), tuple(doubles), left if moved else (), refused)


def _tidy(folder: Path, before: set[Path], answers: set[Path]) -> tuple[Path, ...]:
    """Remove the folders that are empty now; the learner's other files in folders that no lesson uses any more."""
    left: list[Path] = []
    for place in sorted(before):
        with contextlib.suppress(OSError):  # not empty, or not ours to remove
            (folder / place).rmdir()
        if _LEVEL.fullmatch(place.name) and (folder / place).is_dir():
            beside = {path.relative_to(folder) for path in (folder / place).iterdir() if path.name != "__pycache__"}
            left += sorted(beside - answers)
    return tuple(left)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One process at a time moves files in a folder; where the file system knows no locks, without one."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
