"""From a word that names a step to a verdict that is kept: the file that is meant, its grading, what a pass opens."""

import re
import stat
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from upslope.academy.grading.host.child_process import Bench
    from upslope.academy.grading.host.grade import CheckResult, Verdict
    from upslope.academy.lessons import Step
    from upslope.academy.progress import Progress


class NotAnExercise(LookupError):
    """A word that names no exercise, or no file of one; the message says what to type instead."""


class NoAnswer(LookupError):
    """There is no file with an answer; the message says where it should be."""


LARGEST = 1 << 20  # bytes that are read; the gate says that an answer is smaller


@dataclass(frozen=True)
class GradedFile:
    """What `check` found out about one file."""

    step: "Step"
    file: Path
    verdict: "Verdict"
    hints: int  # the highest stage that was shown before
    opened: tuple[str, ...] = ()  # steps that wait no longer
    next: str = ""  # the step to go on with
    unrecorded: str = ""  # why the verdict could not be kept, if it could not

    @property
    def passed(self) -> bool:
        """Right alone, and right together with the other accepted answers."""
        return self.verdict.passed

    @property
    def failure(self) -> "CheckResult | None":
        """The check that a learner should look at: the first that failed."""
        return next((check for check in self.verdict.checks if not check.passed), None)

    @property
    def ended(self) -> str:
        """Why the checks did not come to their end, if they did not."""
        return self.verdict.refused or self.verdict.stopped or ""

    @property
    def unwritten(self) -> bool:
        """Whether the stub's own NotImplementedError is all that there is."""
        message = self.failure.message if self.failure is not None else ""
        return message.startswith("NotImplementedError") and "yours to write" in message

    @property
    def broken_by(self) -> tuple[str, ...]:
        """The steps whose accepted answers make this right answer fail."""
        from upslope.academy.lessons import of_exercise

        return tuple(of_exercise(exercise).name for exercise in self.verdict.broken_by)


def grade_file(name: str, *, seed: int | None = None) -> GradedFile:
    """Grade the file of a step, alone and in the company of all accepted answers, and keep what was graded."""
    step, file = find_file(name)
    content = read_answer(file)

    from upslope.academy.grading.host.child_process import Bench
    from upslope.academy.grading.host.grade import needed_by

    with Bench() as bench:
        bench.preload(needed_by(str(step.exercise)))  # it imports while everything else is read
        return grade_step(step, file, content, seed=seed, bench=bench)


def grade_step(
    step: "Step", file: Path, content: bytes, *, bench: "Bench", seed: int | None = None, keep: bool = True
) -> GradedFile:
    """Grade what a step's file holds, and keep what was graded; `keep=False` where that was done already."""
    from upslope.academy.evidence import read_evidence
    from upslope.academy.grading.host.grade import grade_with_others
    from upslope.academy.lab_parts import usable
    from upslope.academy.position import keep_tiers
    from upslope.academy.progress import BadProgress, Progress
    from upslope.academy.step_status import next_step, opened, standings
    from upslope.runs.workspace import progress_file

    exercise = str(step.exercise)
    progress = Progress(progress_file())
    before = read_evidence(progress.path)
    verdict = grade_with_others(exercise, content, str(file), others=usable(before.accepted), seed=seed, bench=bench)
    graded = GradedFile(step, file, verdict, hints=before.hints.get(exercise, 0))
    try:
        if keep:
            _keep(progress, graded, content)
    except BadProgress as problem:
        graded = replace(graded, unrecorded=str(problem))
    if not verdict.passed:
        return graded
    if not graded.unrecorded:
        with suppress(BadProgress):  # a tier can be written down at the next look, too
            keep_tiers(progress)
    table = standings(read_evidence(progress.path))
    place = next(number for number, standing in enumerate(table) if standing.step.name == step.name)
    coming = next_step(table[place:]) or next_step(table)  # onwards first; what was left out comes later
    names = tuple(s.name for s in opened(standings(before), table))
    return replace(graded, opened=names, next=coming.name if coming else "")


def find_file(name: str) -> tuple["Step", Path]:
    """The step and the file that a word means: a step's name or number, or a path to a learner's file."""
    from upslope.academy.lessons import exercises, find
    from upslope.academy.migration import file_of
    from upslope.runs.workspace import exercises_folder, progress_file, short

    if not name:
        raise NotAnExercise("which step? upslope check NAME grades one; upslope learn lists them all")
    path = Path(name).expanduser()
    if path.suffix == ".py" or len(path.parts) > 1:
        numbered = re.fullmatch(r"\d\d-(?P<name>.+)", path.stem)  # how files were named before
        stem = numbered["name"] if numbered else path.stem
        step = next((step for step in exercises() if stem in {step.name, *step.was}), None)
        if step is None or path.suffix != ".py":
            raise NotAnExercise(f"{name} is not a file of an exercise; those are named as in foundations/softmax.py")
        moved = numbered and not path.exists() and path.absolute().is_relative_to(exercises_folder())
        return step, exercises_folder() / step.file if moved else path.absolute()
    step = find(name)
    if not step.exercise:
        run = f"; it is a lab: upslope lab {step.lab}" if step.lab else ""
        raise NotAnExercise(f"{step.name} asks for no code{run}")
    file = file_of(step, exercises_folder(), progress_file())
    if not file.exists():
        raise NoAnswer(f"{short(file)} is not there; upslope init makes it")
    return step, file


def read_answer(file: Path) -> bytes:
    """What the learner's file holds."""
    from upslope.runs.workspace import short

    if not file.exists():
        raise NoAnswer(f"there is no {short(file)}")
    if not stat.S_ISREG(file.stat().st_mode):
        raise NoAnswer(f"{short(file)} is not a plain file")
    with open(file, "rb") as content:
        return content.read(LARGEST)


def _keep(progress: "Progress", graded: GradedFile, content: bytes) -> None:
    """The text that was graded, and the verdict's facts."""
    verdict = graded.verdict
    progress.add_check(
        str(graded.step.exercise),
        content.decode("utf-8-sig", "replace"),
        str(graded.file),
        passed=verdict.passed,
        checks=len(verdict.checks),
        held=sum(1 for check in verdict.checks if check.passed),
        seed=verdict.seed,
        seconds=round(verdict.seconds, 3),
        mistake=verdict.mistake,
        sandbox=verdict.sandbox,
        broken_by=list(verdict.broken_by),
    )
