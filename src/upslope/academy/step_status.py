"""The status of each step of the roadmap: proven, open, or waiting for another step.

Computed from the evidence in the progress store and from nothing else. Waiting is advice: any step can be checked at
any time. A lab is reached when a run met its target, and proven when every part of that run was the learner's own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from upslope.academy.evidence import Evidence
from upslope.academy.lessons import Step, steps

State = Literal["proven", "reached", "open", "waiting", "reading"]


@dataclass(frozen=True)
class StepStatus:
    """A step and how the learner stands to it."""

    step: Step
    state: State
    waits_for: tuple[str, ...] = ()  # names of steps
    taken: bool = False


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
