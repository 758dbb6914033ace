"""`upslope watch`: the verdict on what is saved, as soon as it is saved.

A warm grading child has imported what the exercises need and forks for each verdict.
"""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from upslope.cli.learning.migrated import bring_over
from upslope.cli.terminal.completion import step_names
from upslope.cli.terminal.console import Screen
from upslope.cli.terminal.errors import Missing, judge
from upslope.cli.terminal.exits import Exit
from upslope.cli.terminal.options import AsJson, Debug

if TYPE_CHECKING:
    from upslope.academy.answers import GradedFile
    from upslope.academy.grading.host.child_process import Bench
    from upslope.academy.lessons import Step

_ECHO = 0.7  # seconds in which the same content again is an echo of the same save; stretched by the patience


def watch(
    name: Annotated[
        str, typer.Argument(metavar="[STEP]", help="One exercise; without it, all.", autocompletion=step_names)
    ] = "",
    as_json: AsJson = False,
    debug: Debug = False,
) -> int:
    """Grade your answers whenever you save one; Ctrl-C ends it."""
    from upslope.academy.grading.host.child_process import Bench
    from upslope.runs.workspace import exercises_folder, short

    bring_over()
    screen = Screen()
    folder = exercises_folder()
    if not folder.is_dir():
        raise Missing(f"{short(folder)} is not there; upslope init makes it")
    step = _asked(name) if name else _next()
    with Bench() as bench:
        try:
            _Watch(screen, bench, folder, step, alone=bool(name)).run()
        except KeyboardInterrupt:  # how one ends it
            if not screen.quiet:
                screen.gap()
    return Exit.DONE


def _asked(name: str) -> "Step":
    from upslope.academy.answers import find_file

    step, _ = find_file(name)
    return step


def _next(after: "Step | None" = None) -> "Step | None":
    """The next exercise that is open: after a step first, then what was left out."""
    from upslope.academy.evidence import read_evidence
    from upslope.academy.step_status import standings
    from upslope.runs.workspace import progress_file

    table = [standing for standing in standings(read_evidence(progress_file())) if standing.step.exercise]
    names = [standing.step.name for standing in table]
    place = names.index(after.name) + 1 if after is not None and after.name in names else 0
    for state in ("open", "waiting"):
        for standing in [*table[place:], *table[:place]]:
            if standing.state == state:
                return standing.step
    return None


class _Watch:
    """One session: what is watched, which exercise is in hand, what was graded last."""

    def __init__(self, screen: Screen, bench: "Bench", folder: Path, step: "Step | None", *, alone: bool) -> None:
        from upslope.academy.lessons import exercises

        self.screen, self.bench, self.folder, self.step, self.alone = screen, bench, folder, step, alone
        watched = [step] if alone and step is not None else exercises()
        self.steps = {other.file: other for other in watched}
        self.graded: tuple[Step, bytes] | None = None  # what was looked at last, and when
        self.graded_at = 0.0
        self.clear = sys.stdout.isatty() and not screen.quiet

    def run(self) -> None:
        """Grade what stands there, then whatever is saved, until Ctrl-C."""
        from upslope.academy.saves import saves

        changes = saves(self.folder, self.steps)
        next(changes)  # from here on no save is missed
        self._begin()
        if self.step is not None:
            self._look(self.step)
        for files in changes:
            changed = [self.steps[file] for file in files]
            if changed:
                # One is graded: the one in hand, else the one that was saved last.
                in_hand = self.step in changed
                self._look(self.step if in_hand and self.step else max(changed, key=self._saved_at))

    def _saved_at(self, step: "Step") -> float:
        try:
            return (self.folder / step.file).stat().st_mtime
        except OSError:
            return 0.0

    def _begin(self) -> None:
        from upslope.academy.grading.host.grade import needed_by
        from upslope.runs.workspace import short

        self.screen.give({"event": "watching", "folder": str(self.folder), "step": self.step and self.step.name})
        self.screen.line(("Watching ", "dim"), short(self.folder), ("   Ctrl-C ends it", "dim"))
        self.screen.gap()
        try:
            needed = needed_by(str(self.step.exercise)) if self.step is not None else []
        except (ModuleNotFoundError, LookupError, OSError):
            return  # what is wrong is said when it is graded
        if any(module.partition(".")[0] == "torch" for module in needed):
            self.screen.prose("Loading PyTorch; after that a verdict takes less than a second.", style="dim")
        self.bench.preload(needed)

    def _look(self, step: "Step") -> None:
        """Grade a step's file as it is now, and show what came of it."""
        from upslope.academy.answers import NoAnswer, NotAnExercise, grade_step
        from upslope.academy.grading.host.limits import patience
        from upslope.academy.saves import settled

        file = self.folder / step.file
        try:
            content = settled(file)
            if content is None:
                self.graded = None
                self._say(step, "gone", f"{file.name} is gone; it is graded again when it is back.")
                return
            if self.graded == (step, content) and time.monotonic() - self.graded_at < _ECHO * patience():
                return
            self.step, self.graded = step, (step, content)
            graded = grade_step(step, file, content, bench=self.bench)
        except (NotAnExercise, NoAnswer, OSError, RuntimeError, ModuleNotFoundError) as error:
            self._say(step, "problem", judge(error)[1])
            return
        self.graded_at = time.monotonic()
        self._show(graded)
        self.bench.at_leisure()

    def _show(self, graded: "GradedFile") -> None:
        from upslope.cli.learning.verdict import facts, show

        onwards = _next(graded.step) if graded.passed else graded.step
        waits_for = graded.step if self.alone else onwards
        file = str(self.folder / waits_for.file) if waits_for else None
        self.screen.give({"event": "verdict", **facts(graded), "waits_for": file})
        if not self.screen.quiet:
            self._fresh()
            show(self.screen, graded, suggest=not graded.passed)
        if graded.passed and not self.alone:
            self._onwards(graded, onwards)
            self.step = onwards
        else:
            self._waiting(graded.step)

    def _onwards(self, graded: "GradedFile", onwards: "Step | None") -> None:
        """After a pass: the lab that is next, if one is, and the exercise that is waited for."""
        from upslope.academy.lessons import find

        self.screen.gap()
        coming = find(graded.next) if graded.next else None
        if coming is not None and coming.lab:
            self.screen.command(f"upslope lab {coming.lab} --mine", "(the lab is open now)")
        if onwards is None:
            self.screen.prose("Every exercise is proven. What you save is graded all the same.", style="dim")
            return
        self.screen.line(
            ("Next     ", "dim"), f"{onwards.number} {onwards.title}", (f"   {onwards.minutes} min", "dim")
        )
        self.screen.line(("Read     ", "dim"), (f"upslope learn {onwards.name}", "bold cyan"))
        self._waiting(onwards)

    def _waiting(self, step: "Step") -> None:
        self.screen.gap()
        self.screen.line((f"Waiting for {step.file}", "dim"))

    def _say(self, step: "Step", event: str, sentence: str) -> None:
        """Something that is no verdict."""
        self.screen.give({"event": event, "step": step.name, "sentence": sentence})
        if not self.screen.quiet:
            self._fresh()
            self.screen.line(self.screen.mark(False), " ", (step.name, "bold"), f"     {sentence}")
            self._waiting(step)

    def _fresh(self) -> None:
        """An empty screen on a terminal; elsewhere a line between two verdicts."""
        if self.clear:
            self.screen.console.clear()
        else:
            self.screen.line((time.strftime("%H:%M:%S"), "dim"))
