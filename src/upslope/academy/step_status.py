"""The status of each step of the roadmap: proven, open, or waiting for another step.

Computed from the events in the progress store and from nothing else. Waiting is advice: any step can be checked at any
time. A lab is reached when a run met its target, and proven when every part of that run was the learner's own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from upslope.academy.lab_parts import parts_of
from upslope.academy.lessons import Step, steps
from upslope.academy.overlay import Submission
from upslope.academy.progress import Event, Progress

State = Literal["proven", "reached", "open", "waiting", "reading"]


@dataclass(frozen=True)
class Evidence:
    """What the progress store says, read once."""

    accepted: Mapping[str, Submission] = field(default_factory=dict)  # exercise id -> the newest accepted answer
    reached: Mapping[str, Event] = field(default_factory=dict)  # lab -> its newest run that reached the target
    proven: Mapping[str, Event] = field(default_factory=dict)  # lab -> the newest of these made of the learner's parts
    taken: frozenset[str] = frozenset()  # exercises whose solution was seen first
    hints: Mapping[str, int] = field(default_factory=dict)  # exercise id -> the highest stage that was shown


@dataclass(frozen=True)
class StepStatus:
    """A step and how the learner stands to it."""

    step: Step
    state: State
    waits_for: tuple[str, ...] = ()  # names of steps
    taken: bool = False


def read_evidence(path: Path) -> Evidence:
    """The evidence in a progress file; where there is no file yet there is none, and none is made."""
    if not path.exists():
        return Evidence()
    progress = Progress(path)
    hints: dict[str, int] = {}
    for event in progress.events("hint"):
        hints[event.subject] = max(hints.get(event.subject, 0), int(event.payload["stage"]))
    seen = {event.subject for event in progress.events("solution")} | {e for e, stage in hints.items() if stage >= 3}
    taken = frozenset(exercise for exercise in seen if progress.solution_taken(exercise))
    runs = progress.reached_runs()
    reached = {run.subject: run for run in runs}
    return Evidence(progress.accepted(), reached, {run.subject: run for run in runs if all_yours(run)}, taken, hints)


def all_yours(run: Event) -> bool:
    """Whether every part of a run was the learner's: the parts that its lab had, with its settings, when it ran."""
    parts = run.payload.get("parts")
    if parts is None:  # not noted, so nothing says that they were
        return not parts_of(run.subject, run.payload.get("config"))
    return all(whose == "yours" for whose in parts.values())


def done(step: Step, evidence: Evidence) -> State | None:
    """How far all that a step asks for was done: proven, reached (a lab with parts of ours in it), or None."""
    if step.exercise and step.exercise not in evidence.accepted:
        return None
    if not step.lab or step.lab in evidence.proven:
        return "proven"
    return "reached" if step.lab in evidence.reached else None


def standings(evidence: Evidence, roadmap: Sequence[Step] | None = None) -> list[StepStatus]:
    """Every step of the roadmap, in order."""
    roadmap = steps() if roadmap is None else roadmap
    by_name = {step.name: step for step in roadmap}
    found = []
    for step in roadmap:
        missing = tuple(name for name in step.needs if name in by_name and not done(by_name[name], evidence))
        state: State
        if not step.exercise and not step.lab:
            state = "reading"
        else:
            state = done(step, evidence) or ("waiting" if missing else "open")
        found.append(StepStatus(step, state, missing, bool(step.exercise) and step.exercise in evidence.taken))
    return found


def next_step(table: Sequence[StepStatus]) -> Step | None:
    """The first step in roadmap order that is open, or a reached lab that waits for no part any more."""
    to_do = (s.step for s in table if s.state == "open" or (s.state == "reached" and not s.waits_for))
    return next(to_do, None)


def opened(before: Sequence[StepStatus], after: Sequence[StepStatus]) -> list[Step]:
    """The steps that were waiting and are open now."""
    waited = {standing.step.name for standing in before if standing.state == "waiting"}
    return [standing.step for standing in after if standing.state == "open" and standing.step.name in waited]


def unlocks(step: Step, table: Sequence[StepStatus]) -> list[str]:
    """The names of the steps that wait for this one."""
    return [standing.step.name for standing in table if step.name in standing.waits_for]
