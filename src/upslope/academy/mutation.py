"""Mutation testing: would the checks of an exercise notice a small change of its reference?

Every mutant (mutants.py) is graded by the exercise's checks. One that passes them all *survives*: either the checks
have a hole, or the change alters nothing; then the checks file declares it, `survives(target, {why: [(old, new)]})`.
What is declared and does not survive, or is no mutant, is a problem as well, and so is a mutant that was not tried.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from upslope.academy import lessons, mutation_run
from upslope.academy.checklist import BadChecks, CheckList, apply, checks_of
from upslope.academy.grading.host.child_process import Bench
from upslope.academy.grading.host.grade import needs
from upslope.academy.grading.host.workdir import Workplace
from upslope.academy.lessons import Step
from upslope.academy.mutants import Mutant, mutants, same
from upslope.academy.over_exercises import Lend, Progress, over_exercises
from upslope.academy.reference import Located, UnknownExercise, locate

__all__ = ["Mutated", "MutationReport", "author_mutate"]

SEEDS = (0, 1, 2)  # a mutant survives if it passes with each of them


@dataclass(frozen=True)
class Mutated:
    """What became of the mutants of one exercise."""

    exercise: str
    name: str  # of the step
    made: int = 0
    killed: int = 0
    declared: int = 0  # survivors that the checks file declares
    survivors: tuple[str, ...] = ()  # those that nobody declared
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class MutationReport:
    """All exercises."""

    rows: tuple[Mutated, ...]

    @property
    def passed(self) -> bool:
        """Whether every mutant was tried, and each that survived is declared."""
        return not any(row.survivors or row.problems for row in self.rows)

    @property
    def made(self) -> int:
        return sum(row.made for row in self.rows)

    @property
    def killed(self) -> int:
        return sum(row.killed for row in self.rows)

    @property
    def declared(self) -> int:
        return sum(row.declared for row in self.rows)

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), **{name: getattr(self, name) for name in ("passed", "made", "killed", "declared")}}


def author_mutate(
    names: Sequence[str] = (),
    *,
    processes: int = 2,
    progress: Progress | None = None,
) -> MutationReport:
    """Try the mutants of these steps' exercises, or of all. `progress` hears how many are done, of how many, and which.

    Raises UnknownStep for a word that names no step.
    """
    wanted = [lessons.find(name).name for name in names]
    chosen = [step for step in lessons.steps() if step.exercise and (not wanted or step.name in wanted)]
    return MutationReport(over_exercises(chosen, _row, processes=processes, progress=progress))


def _row(step: Step, lend: Lend) -> Mutated:
    exercise = step.exercise or ""
    try:
        located, checks = locate(exercise), checks_of(exercise)
        needed = needs(located, checks, step)
    except (BadChecks, UnknownExercise) as error:
        return Mutated(exercise, step.name, problems=(str(error),))
    except ModuleNotFoundError as error:
        return Mutated(exercise, step.name, problems=(f"it needs {error.name}, which is not installed",))
    made = mutants(located)
    with Workplace() as place, lend() as bench:
        bench.preload(needed)
        alive, lost = surviving(located, checks, made, place=place, bench=bench)
    return _judged(step, located, checks, made, alive, lost)


def surviving(
    located: Located, checks: CheckList, made: Sequence[Mutant], *, place: Workplace, bench: Bench
) -> tuple[list[Mutant], list[Mutant]]:
    """The mutants that pass all checks with every seed, and those of which nothing was heard."""
    left, lost = list(made), []
    for seed in SEEDS:
        if not left:
            break
        texts = {str(k): mutation_run.standing_alone(located, mutant.text) for k, mutant in enumerate(left)}
        tried = mutation_run.run_variants(located, texts, checks, [seed], place=place, bench=bench)
        lost += [mutant for k, mutant in enumerate(left) if str(k) not in tried]
        left = [mutant for k, mutant in enumerate(left) if str(k) in tried and tried[str(k)].passed]
    return left, lost


def _judged(
    step: Step,
    located: Located,
    checks: CheckList,
    made: Sequence[Mutant],
    alive: Sequence[Mutant],
    lost: Sequence[Mutant],
) -> Mutated:
    """The survivors beside what the checks file declares."""
    problems = [f"{mutant} was not tried" for mutant in lost]
    declared: list[Mutant] = []
    for survivor in checks.survivors:
        try:
            text = apply(survivor, located)
        except BadChecks as error:
            problems.append(str(error))
            continue
        meant = next((mutant for mutant in made if same(mutant.text, text)), None)
        if meant is None:
            problems.append(f'the survivor "{survivor.name}" is declared, but it is none of the mutants')
        elif meant not in alive:
            problems.append(f'the survivor "{survivor.name}" is declared, but a check notices it')
        else:
            declared.append(meant)
    return Mutated(
        exercise=located.exercise,
        name=step.name,
        made=len(made),
        killed=len(made) - len(alive) - len(lost),
        declared=len(declared),
        survivors=tuple(str(mutant) for mutant in alive if mutant not in declared),
        problems=tuple(problems),
    )
