"""The learner's files: one stub for each exercise. What a learner has changed is never overwritten."""

from pathlib import Path

from upslope.academy.answers import NoAnswer
from upslope.academy.lessons import exercises
from upslope.academy.migration import digest, written_by_us
from upslope.academy.progress import Progress
from upslope.academy.stub import stub_text
from upslope.runs import workspace
from upslope.runs.files import make_folder, write_atomically

MADE, RENEWED, KEPT, THERE = "made", "renewed", "kept", "there"


def make_files(home: Path) -> dict[Path, str]:
    """Make every learner's file that is not there; what became of each: made, renewed, kept (the learner's), there."""
    make_folder(home)
    progress = Progress(home / workspace.progress_file().name)
    ours = written_by_us(progress)
    outcome: dict[Path, str] = {}
    for step in exercises():
        file = home / workspace.exercises_folder().name / step.file
        stub = stub_text(step).encode()
        there = _content(file)
        if there == stub:
            outcome[file] = THERE
            continue
        if there is not None and there.strip() and digest(there) not in ours:
            outcome[file] = KEPT
            continue
        make_folder(file.parent)
        write_atomically(file, stub)
        progress.add("stub", str(step.exercise), sha256=digest(stub), path=str(step.file))
        outcome[file] = RENEWED if there else MADE
    return outcome


def _content(file: Path) -> bytes | None:
    if file.is_dir():
        raise NoAnswer(f"{file} is a folder where a learner's file belongs; move it away and type upslope init again")
    return file.read_bytes() if file.exists() else None
