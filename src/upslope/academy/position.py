"""Where the learner stands, read once for a verb or a page: evidence, steps, items of the guide, tiers."""

from dataclasses import dataclass

from upslope.academy.evidence import Evidence, read_evidence
from upslope.academy.guide_state import Climb, climb
from upslope.academy.lessons import Step
from upslope.academy.progress import BadProgress, Progress
from upslope.academy.step_status import StepStatus, next_step, standings
from upslope.academy.tiers import Standing, newly_held, standing
from upslope.runs.workspace import progress_file


@dataclass(frozen=True)
class Position:
    """One reading of the progress store, and everything that follows from it."""

    evidence: Evidence
    table: list[StepStatus]
    climb: Climb
    standing: Standing
    next: Step | None
    unrecorded: str = ""  # why a tier that is newly held could not be written down


def read_position() -> Position:
    """Read the store; a tier that is newly held is written down first, so that it stays held."""
    evidence = read_evidence(progress_file())
    whole = climb(evidence)
    unrecorded = ""
    if newly_held(whole.tiers):
        try:
            keep_tiers(Progress(progress_file()))
        except BadProgress as problem:  # it is held all the same, and can be written down later
            unrecorded = str(problem)
        else:
            evidence = read_evidence(progress_file())
            whole = climb(evidence)
    table = standings(evidence)
    return Position(evidence, table, whole, standing(whole.tiers), next_step(table), unrecorded)


def keep_tiers(progress: Progress) -> list[str]:
    """Write down the tiers that are held now and were not before; their names. Raises BadProgress."""
    new = newly_held(climb(read_evidence(progress.path)).tiers)
    for name, facts in new.items():
        progress.add("tier", name, **facts)
    return list(new)
