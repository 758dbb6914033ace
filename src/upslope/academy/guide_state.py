"""Where a learner stands on the guide: the states of all its items and the tiers, from evidence and nothing else.

Pure functions, so that a verb, a page and a portfolio that are given the same events show the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from upslope.academy.evidence import Evidence
from upslope.academy.guide import Item, items
from upslope.academy.item_state import ItemState, Share, State, item_states
from upslope.academy.lessons import Step, steps
from upslope.academy.tiers import Judged, Tier, tiers


@dataclass(frozen=True)
class Climb:
    """The whole: every item of the guide with its state, and the five tiers."""

    states: dict[str, ItemState]
    tiers: tuple[Tier, ...]


def states(evidence: Evidence) -> dict[str, ItemState]:
    """The state of every item of the guide, by id, in its order."""
    return climb(evidence).states


def climb(evidence: Evidence, guide: Sequence[Item] | None = None, roadmap: Sequence[Step] | None = None) -> Climb:
    """The states of all items, those of the tiers by their rules, and the tiers themselves."""
    roadmap = steps() if roadmap is None else roadmap
    found = item_states(items() if guide is None else guide, roadmap, evidence)
    five = tiers(found, evidence, roadmap)
    for tier in five:
        for judged in tier.demands:
            if judged.demand.item in found:
                found[judged.demand.item] = _of_demand(judged, found[judged.demand.item])
        if f"A.{tier.name}" in found:
            found[f"A.{tier.name}"] = _of_tier(tier, found[f"A.{tier.name}"])
    return Climb(found, five)


def _of_demand(judged: Judged, before: ItemState) -> ItemState:
    """One of the twenty demands: met by its rule; what is reported of it in other ways stays a report."""
    met, proof = judged.met, judged.demand.basis == "proven"
    state: State = before.state
    if judged.holds:
        state = judged.demand.basis
    elif state != "reported":
        state = "begun" if met.share.done or before.reported.done else "planned" if met.planned else "open"
    return replace(
        before,
        state=state,
        proven=met.share if proof else Share(),
        more=proof and met.planned,
        reported=before.reported if proof else met.share if judged.holds else before.reported,
        by=met.by if proof else (),
    )


def _of_tier(tier: Tier, before: ItemState) -> ItemState:
    """A tier as an item: what rests on a single report is reported."""
    proofs = [judged for judged in tier.demands if judged.demand.basis == "proven"]
    others = [judged for judged in tier.demands if judged.demand.basis != "proven"]
    state: State
    if tier.held:
        state = "reported" if others else "proven"
    elif any(judged.met.share.done for judged in tier.demands):
        state = "begun"
    else:
        state = "planned" if any(judged.met.planned for judged in tier.demands) else "open"
    return replace(
        before,
        state=state,
        proven=Share(sum(judged.holds for judged in proofs), len(proofs)),
        reported=Share(sum(judged.holds for judged in others), len(others)),
        more=any(judged.met.planned for judged in tier.demands),
        planned=sum(judged.met.planned for judged in tier.demands),
    )
