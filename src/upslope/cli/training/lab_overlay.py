"""Running a lab with the learner's code inside it: the overlay, and the process that imports from it.

`--mine` builds an overlay with every accepted answer and then becomes (exec) the same command with that overlay first
on PYTHONPATH, so worker processes see it too, and signals and the exit status need no passing on. The answers that were
used are kept in the run's folder; --resume builds the same overlay from them, whatever was accepted since.
"""

import atexit
import os
import shutil
import sys
import tempfile
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from upslope.academy.lab_parts import FILE, dump, load, part_name, parts_of, settings_said, usable
from upslope.cli.terminal.errors import Missing, UsageError
from upslope.cli.terminal.options import asked

if TYPE_CHECKING:
    from upslope.academy.overlay import Submission
    from upslope.cards import Found


class NotComposed(RuntimeError):
    """The process that should run the learner's code imported another upslope."""


class AnswerFailed(Exception):
    """A lab came to grief with the learner's answers in it."""


def begin_composed(
    found: "Found | None" = None, settings: list[str] | None = None, preset: str = "", *, resume: str = ""
) -> None:
    """Build the overlay and start over inside it. Returns only where a resumed run had no answers of the learner's."""

    if resume:
        from upslope.runs.run_dir import find_run

        stored = find_run(resume) / FILE
        if not stored.exists():
            return
        _become(load(stored), ["--resume", resume])
    assert found is not None
    answers = _accepted(found, settings or [], preset)
    words = [found.card.name, *(settings or ())]
    _become(answers, [*words, *(["--preset", preset] if preset else [])])


def enter_composed(composed: str) -> "dict[str, Submission]":
    """The answers that this process runs with; {} when it is not a composed one.

    Asserts that the library was imported from the overlay, and sees to it that the overlay goes when the process ends
    (not earlier: modules are still imported from it after the run).
    """
    if not composed:
        return {}
    import upslope

    root = Path(composed)
    atexit.register(shutil.rmtree, root.parent, ignore_errors=True)
    if Path(upslope.__file__) != root / "upslope" / "__init__.py":
        raise NotComposed(f"upslope was imported from {upslope.__file__}, not from the overlay {root}")
    return load(root.parent / FILE)


@contextmanager
def blaming(answers: "Mapping[str, Submission]") -> Iterator[None]:
    """An error while the learner's code is in place is said as what it most likely is: theirs, with file and line."""
    from upslope.runs.errors import Problem

    try:
        yield
    except (Problem, OSError, UsageError, Missing):
        raise
    except Exception as error:
        if not answers:
            raise
        said = f"{type(error).__name__}: {error}".rstrip(": ")
        ours = {answer.path: exercise for exercise, answer in answers.items()}
        for frame in reversed(traceback.extract_tb(error.__traceback__)):
            if frame.filename in ours:
                what = f"your {part_name(ours[frame.filename])} failed in the lab: {said}"
                where = f"{Path(frame.filename).name}, line {frame.lineno}: {frame.line}"
                raise AnswerFailed(f"{what} ({where})") from error
        raise AnswerFailed(
            f"with your answers in it the lab failed: {said} (the same command without --mine says whether that is why)"
        ) from error


def keep_answers(run: Path, composed: str) -> None:
    """Put the answers into the run's folder, so that --resume uses the same code."""
    from upslope.runs.files import write_atomically

    if not (run / FILE).exists():
        write_atomically(run / FILE, (Path(composed).parent / FILE).read_bytes())


def _accepted(found: "Found", settings: list[str], preset: str) -> "dict[str, Submission]":
    from upslope.academy.evidence import read_evidence
    from upslope.runs.workspace import progress_file

    answers = usable(read_evidence(progress_file()).accepted)
    lab = found.card.name
    parts = parts_of(lab, settings_said(found, settings, preset or "laptop"))
    if not parts:
        raise UsageError(f"lab {lab} contains no exercise, so --mine has nothing to replace")
    if not set(parts) & set(answers):
        others = " with these settings" if set(parts_of(lab)) & set(answers) else ""
        raise UsageError(
            f"none of the {len(parts)} parts of lab {lab} is yours yet{others}; upslope learn says where to begin"
        )
    return answers


def _become(answers: "Mapping[str, Submission]", words: list[str]) -> None:
    """Replace this process by `upslope lab WORDS` over an overlay with these answers."""
    from upslope.academy.overlay import build

    try:
        folder = Path(tempfile.mkdtemp(prefix="upslope-mine-")).resolve()
        root = folder / "overlay"
        root.mkdir()
        build(root, dict(answers))
        (folder / FILE).write_text(dump(answers), encoding="utf-8")
    except OSError as error:
        raise Missing(f"the overlay could not be made in {tempfile.gettempdir()}: {error.strerror}") from None
    flags = [*(["--json"] if asked.json else []), *(["--debug"] if asked.debug else [])]
    # -P: the folder from which the command was typed must not come before the overlay.
    command = [sys.executable, "-P", "-m", "upslope", "lab", *words, *flags, "--composed", str(root)]
    path = os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH", "")]))
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(sys.executable, command, {**os.environ, "PYTHONPATH": path})
