"""The author's check: is every exercise of the roadmap sound, and can its checks be trusted?

It reads lessons, references and checks, and then tries them: the stub must fail, the reference pass with its body
deleted from the package, and every planted wrong answer fail, whatever the seed. The share of wrong answers that fail
is the kill rate, and it is published.
"""

import ast
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from upslope.academy import hints, lessons, lint, mutation_run, stub
from upslope.academy.checklist import BadChecks, CheckList, checks_of
from upslope.academy.grading.host import mistakes
from upslope.academy.grading.host.child_process import Bench
from upslope.academy.grading.host.grade import grade, needs
from upslope.academy.grading.host.workdir import Workplace
from upslope.academy.lessons import Step
from upslope.academy.mutation_run import standing_alone
from upslope.academy.over_exercises import Lend, Progress, over_exercises
from upslope.academy.overlay import Submission
from upslope.academy.reference import Located, UnknownExercise, locate
from upslope.academy.roadmap import BadLesson
from upslope.syntax import parsed

__all__ = ["ExerciseReport", "Report", "author_check"]


@dataclass(frozen=True)
class ExerciseReport:
    """One exercise."""

    exercise: str
    name: str  # of the step
    checks: int = 0
    wrongs: int = 0
    killed: int = 0  # wrong answers that fail for every seed
    problems: tuple[str, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True)
class Report:
    """All that was found."""

    rows: tuple[ExerciseReport, ...]
    problems: tuple[str, ...] = ()  # of the roadmap as a whole
    seeds: int = 0

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems and not any(row.problems for row in self.rows)

    @property
    def checks(self) -> int:
        return sum(row.checks for row in self.rows)

    @property
    def wrongs(self) -> int:
        return sum(row.wrongs for row in self.rows)

    @property
    def killed(self) -> int:
        return sum(row.killed for row in self.rows)

    @property
    def kill_rate(self) -> float:
        """The share of planted wrong answers that fail for every seed."""
        return self.killed / self.wrongs if self.wrongs else 0.0

    def to_json(self) -> dict[str, Any]:
        totals = ("passed", "checks", "wrongs", "killed", "kill_rate")
        return {**asdict(self), **{name: getattr(self, name) for name in totals}}


def author_check(
    names: Sequence[str] = (),
    *,
    seeds: int = 20,
    processes: int = 2,
    progress: Progress | None = None,
) -> Report:
    """Check the exercises of these steps, or all of them. `progress` hears how many are done, of how many, and which.

    `processes` grading children work at once. Raises UnknownStep for a word that names no step.
    """
    try:
        roadmap = lessons.steps()
    except BadLesson as error:
        return Report((), (str(error),), seeds)
    wanted = [lessons.find(name).name for name in names] or [step.name for step in roadmap]
    chosen = [step for step in roadmap if step.name in wanted]
    problems = [f"{step.number} {step.name}: {said}" for step in chosen for said in lint.lesson(step, roadmap)]
    problems += [] if names else [*lint.vocabulary(roadmap), *lint.coverage(roadmap)]
    targets, unknown = _resolve(roadmap)
    exercises = [step for step in chosen if step.exercise]

    def row(step: Step, lend: Lend) -> ExerciseReport:
        return _row(step, roadmap, targets, unknown.get(step.name), tuple(range(seeds)), lend)

    return Report(over_exercises(exercises, row, processes=processes, progress=progress), tuple(problems), seeds)


def _resolve(roadmap: Sequence[Step]) -> tuple[dict[str, Located], dict[str, str]]:
    """Where each exercise stands in the library, by id; and for steps whose target does not resolve, why."""
    targets: dict[str, Located] = {}
    unknown: dict[str, str] = {}
    for step in roadmap:
        if step.exercise:
            try:
                targets[step.exercise] = locate(step.exercise)
            except UnknownExercise as error:
                unknown[step.name] = str(error)
    return targets, unknown


def _row(
    step: Step,
    roadmap: Sequence[Step],
    targets: Mapping[str, Located],
    unknown: str | None,
    seeds: Sequence[int],
    lend: Lend,
) -> ExerciseReport:
    """Everything about one exercise."""
    began = time.monotonic()
    exercise = step.exercise or ""
    if unknown is not None:
        return ExerciseReport(exercise, step.name, problems=(f"the target does not resolve: {unknown}",))
    located = targets[exercise]
    try:
        checks = checks_of(exercise)
    except (BadChecks, UnknownExercise) as error:
        return ExerciseReport(exercise, step.name, problems=(str(error),))
    problems = [*lint.reference(located, step), *lint.graders(checks)]
    sound, quotes = lint.quotes(located, checks)
    problems += quotes
    killed = 0
    if checks.checks:
        try:
            needed = needs(located, checks, step)
        except ModuleNotFoundError as error:
            said = f"it needs {error.name}, which is not installed"
            return ExerciseReport(
                exercise, step.name, len(checks.checks), len(checks.wrongs), problems=(*problems, said)
            )
        with Workplace() as place, lend() as bench:
            bench.preload(needed)
            texts = {name: standing_alone(located, text) for name, text in sound.items()}
            tried = mutation_run.run_variants(
                located, {"": standing_alone(located), **texts}, checks, seeds, place=place, bench=bench
            )
            problems += _both_ends(step, located, checks, tried.pop(""), place, bench)
            called = mutation_run.exercises_called(located, checks, targets, place=place, bench=bench)
            problems += _order(step, roadmap, called)
            for name, done in tried.items():
                if not done.loaded:
                    problems.append(f'the wrong answer "{name}" cannot be loaded: {done.said}')
                elif done.passed:
                    share = f"{len(done.passed)} of {len(seeds)} seeds, {done.passed[0]} among them"
                    problems.append(f'the wrong answer "{name}" passes all checks for {share}')
                else:
                    killed += 1
            if len(sound) == len(checks.wrongs):
                problems += _telling(exercise, checks, bench)
    seconds = round(time.monotonic() - began, 2)
    return ExerciseReport(exercise, step.name, len(checks.checks), len(checks.wrongs), killed, tuple(problems), seconds)


def _both_ends(
    step: Step, located: Located, checks: CheckList, reference: mutation_run.Trial, place: Workplace, bench: Bench
) -> Iterator[str]:
    """The stub fails, the reference passes: for every seed, and when graded as a learner's answer is.

    In the overlay the reference's body is deleted, so both are judged without it; that is looked at as well.
    """
    if reference.failed:
        yield f"the reference fails for seed {reference.failed[0]}: {reference.said}"
    path = str(step.file)
    graded = grade(located.exercise, standing_alone(located), path, seed=0, bench=bench)
    if not graded.passed and not reference.failed:
        failing = next((check.message or check.title for check in graded.checks if not check.passed), "")
        yield f"the reference, graded as an answer, does not pass: {graded.refused or graded.stopped or failing}"
    text = stub.stub_text(step)
    empty = grade(located.exercise, text, path, seed=0, bench=bench)
    if empty.passed:
        yield "the stub passes all checks"
    elif empty.refused or empty.stopped or "NotImplementedError" not in empty.checks[0].message:
        said = empty.refused or empty.stopped or empty.checks[0].message
        yield f"the stub was not graded, it failed before: {said}"
    yield from _deleted(located, text, place)


def _deleted(located: Located, text: str, place: Workplace) -> Iterator[str]:
    """No file that is made for the child defines the reference or holds its body, and the file that does is hidden."""
    overlay = place.package({located.exercise: Submission(located.exercise, text, mutation_run.FILE)})
    body = [line.strip() for line in hints.body(located).split("\n") if line.strip()]
    for path in sorted(overlay.root.rglob("*.py")):
        if path.is_symlink():
            continue
        made = path.read_text(encoding="utf-8")
        if path.name == located.path.name and located.qualname in _definitions(parsed(made)):
            yield f"the overlay's {path.name} still defines {located.qualname}"
        if set(body) <= {line.strip() for line in made.split("\n")}:
            yield f"the reference's body is left in the overlay, in {path.name}"
    if located.path not in overlay.hidden:
        yield f"the overlay does not hide {located.path.name}, which holds the reference"


def _definitions(tree: ast.Module) -> set[str]:
    """The qualified names of all functions, classes and methods of a module."""
    found = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{method.name}" for method in node.body if isinstance(method, ast.FunctionDef)}
    return found


def _order(step: Step, roadmap: Sequence[Step], called: set[str]) -> Iterator[str]:
    """No exercise needs a later one: neither its reference nor its checks."""
    later = {other.exercise: other for other in roadmap[roadmap.index(step) + 1 :] if other.exercise}
    for exercise in sorted(called & set(later)):
        yield f"it needs a later exercise: {later[exercise].number} {later[exercise].name} runs while it is checked"


def _telling(exercise: str, checks: CheckList, bench: Bench) -> Iterator[str]:
    """Every check rejects a wrong answer; two that fail in the very same way would be named to nobody."""
    found = mistakes.of_all(exercise, 0, bench=bench)
    for title in mistakes.idle_checks(found, checks):
        yield f'no wrong answer fails the check "{title}"'
    for one, two in mistakes.pairs_alike(found):
        yield f'the wrong answers "{one}" and "{two}" fail in the same way, so neither can be named'
