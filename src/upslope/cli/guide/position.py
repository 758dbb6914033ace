"""Where the learner stands, read once for a verb: evidence, steps, items of the guide, tiers."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from upslope.academy.evidence import Evidence
    from upslope.academy.guide_state import Climb
    from upslope.academy.lessons import Step
    from upslope.academy.progress import Progress
    from upslope.academy.step_status import StepStatus
    from upslope.academy.tiers import Standing


@dataclass(frozen=True)
class Position:
    """One reading of the progress store, and everything that follows from it."""

    evidence: "Evidence"
    table: "list[StepStatus]"
    climb: "Climb"
    standing: "Standing"
    next: "Step | None"


def read_position() -> Position:
    """Read the store; a tier that is newly held is written down first, so that it stays held."""
    from upslope.academy.evidence import read_evidence
    from upslope.academy.guide_state import climb
    from upslope.academy.progress import Progress
    from upslope.academy.step_status import next_step, standings
    from upslope.academy.tiers import newly_held, standing
    from upslope.runs.workspace import progress_file

    evidence = read_evidence(progress_file())
    whole = climb(evidence)
    if newly_held(whole.tiers) and keep_tiers(Progress(progress_file())):
        evidence = read_evidence(progress_file())
        whole = climb(evidence)
    table = standings(evidence)
    return Position(evidence, table, whole, standing(whole.tiers), next_step(table))


def keep_tiers(progress: "Progress") -> list[str]:
    """Write down the tiers that are held now and were not before; their names."""
    from upslope.academy.evidence import read_evidence
    from upslope.academy.guide_state import climb
    from upslope.academy.tiers import newly_held
    from upslope.cli.learning.recorded import recorded

    new = newly_held(climb(read_evidence(progress.path)).tiers)
    return [name for name, facts in new.items() if not recorded(progress, "tier", name, **facts)]
