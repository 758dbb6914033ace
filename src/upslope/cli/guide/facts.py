"""The guide and the learner's place on it for programs; proven and reported under names of their own."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from upslope.academy.item_state import ItemState
    from upslope.academy.position import Position
    from upslope.academy.tiers import Tier


def guide_facts(position: "Position") -> dict[str, Any]:
    """The whole: title, all items with their states, levels, steps and the tier."""
    from upslope.academy.guide import EPIGRAPH, SUBTITLE, TITLE, by_level
    from upslope.academy.item_state import counts
    from upslope.cli.learning.step_facts import facts

    states, standing = position.climb.states, position.standing
    return {
        "title": TITLE,
        "subtitle": SUBTITLE,
        "epigraph": EPIGRAPH,
        "counts": counts(states),
        "levels": [
            {"level": level, "title": title, "items": len(items), **counts(states, level)}
            for level, title, items in by_level()
        ],
        "items": [item_facts(state, position) for state in states.values()],
        "steps": [facts(status, coming=position.next is status.step) for status in position.table],
        "tier": standing.held,
        "next_tier": standing.next,
        "done": standing.share.done,
        "of": standing.share.of,
        "grew": standing.grew,
    }


def item_facts(state: "ItemState", position: "Position") -> dict[str, Any]:
    """One item."""
    item, report = state.item, state.report
    lessons = [s.step for s in position.table if item.id in {proof.item for proof in s.step.proofs}]
    return {
        "id": item.id,
        "level": item.level,
        "section": item.section,
        "kind": item.kind,
        "title": item.title,
        "state": state.state,
        "proven": {"done": state.proven.done, "of": state.proven.of, "by": list(state.by)},
        "reported": {
            "done": state.reported.done,
            "of": state.reported.of,
            "hours": report.hours if report else 0.0,
            "links": list(report.links) if report else [],
            "notes": list(report.notes) if report else [],
        },
        "more_planned": bool(state.more or state.planned),
        "covers": item.covers,
        "proof": item.proof,
        "lessons": [step.name for step in lessons],
        "minutes": item.minutes if item.minutes is not None else sum(step.minutes for step in lessons) or None,
        "address": item.address or None,
        "address_state": item.address_state or None,
        "address_note": item.address_note or None,
    }


def tier_facts(tier: "Tier") -> dict[str, Any]:
    """A tier with its four demands."""
    from datetime import UTC, datetime

    from upslope.academy.guide import find_item

    at = datetime.fromtimestamp(tier.since, UTC).isoformat(timespec="seconds") if tier.since is not None else None
    return {
        "name": tier.name,
        "held": tier.held,
        "since": at,
        "grew": tier.grew,
        "done": tier.share.done,
        "of": tier.share.of,
        "demands": [
            {
                "item": judged.demand.item,
                "title": find_item(judged.demand.item).title,
                "rule": judged.demand.rule,
                "basis": judged.demand.basis,
                "met": judged.holds,
                "done": judged.met.share.done,
                "of": judged.met.share.of,
                "evidence": list(judged.met.by),
                "planned": judged.met.planned,
                "lacks": "" if judged.holds else judged.met.lacks,
            }
            for judged in tier.demands
        ],
    }
