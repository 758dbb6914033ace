"""Bronze, silver, gold, diamond, legendary: computed from evidence only.

A tier is held when every exercise and every lab of its level is proven, a lab by a run to its target that was made of
the learner's parts only, and all tiers below it are held. A level that has no steps yet cannot be held.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from upslope.academy.evidence import Evidence
from upslope.academy.lessons import Step, steps

TIERS = {1: "bronze", 2: "silver", 3: "gold", 4: "diamond", 5: "legendary"}


@dataclass(frozen=True)
class Tier:
    """The tier that is held, and the way to the next one."""

    held: str  # "" before bronze
    next: str  # "" when there is no further one to reach
    done: int
    of: int
    missing: tuple[str, ...]  # what the next one still needs: step names, "lab digits"

    def line(self) -> str:
        """ "3 of 14 to bronze", "bronze, 2 of 9 to silver"."""
        way = f"{self.done} of {self.of} to {self.next}" if self.next else ""
        return ", ".join(part for part in (self.held, way) if part) or "nothing to prove yet"


def tier(evidence: Evidence, roadmap: Sequence[Step] | None = None) -> Tier:
    """The tier that this evidence holds."""
    roadmap = steps() if roadmap is None else roadmap
    held = ""
    for level, name in TIERS.items():
        demands = _demands([step for step in roadmap if step.level == level], evidence)
        missing = tuple(what for what, done in demands.items() if not done)
        if not demands:
            return Tier(held, "", 0, 0, ())
        if missing:
            return Tier(held, name, len(demands) - len(missing), len(demands), missing)
        held = name
    return Tier(held, "", 0, 0, ())


def _demands(level: Sequence[Step], evidence: Evidence) -> dict[str, bool]:
    """What a level asks for, and whether it is done. A lab that several steps name counts once."""
    demands: dict[str, bool] = {}
    for step in level:
        if step.exercise:
            demands[step.name] = step.exercise in evidence.accepted
        if step.lab:
            demands[f"lab {step.lab}"] = step.lab in evidence.proven
    return demands
