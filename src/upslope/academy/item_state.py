"""The state of each item of the guide: proven, reported, begun, open or planned.

- A leaf is proven when every lesson that proves it is done, and a server asked where one is to be, and these cover it
  in full. Where they cover a part, more is
  planned, and it is begun at most.
- A parent is its parts. It is proven when all parts that are built are proven, and whatever lessons prove of it beside
  them; reported when each part is either proven or reported.
- What the learner reports is kept beside that and never becomes proof: `proven` counts proofs, `reported` reports.

Nothing is ever locked: the state says what was done, not what may be done.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from upslope.academy.evidence import Evidence
from upslope.academy.guide import CHECKED, Item, parts
from upslope.academy.lessons import Proof, Step
from upslope.academy.progress import Event
from upslope.academy.step_status import done

State = Literal["proven", "reported", "begun", "open", "planned"]
STATES: tuple[State, ...] = ("proven", "reported", "begun", "open", "planned")


@dataclass(frozen=True)
class Share:
    """So many of so many."""

    done: int = 0
    of: int = 0

    @property
    def whole(self) -> bool:
        """Whether there is something, and all of it is done."""
        return self.done == self.of > 0


@dataclass(frozen=True)
class Report:
    """What the learner says about an item, all reports of it together."""

    part: Share = Share(1, 1)  # as the newest report has it
    hours: float = 0.0
    links: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    at: float = 0.0  # of the newest, seconds since 1970


@dataclass(frozen=True)
class ItemState:
    """An item and how the learner stands to it."""

    item: Item
    state: State
    proven: Share = Share()  # proofs that hold, of those that there are: lessons, and parts that are built
    more: bool = False  # what there is does not cover all that the item asks for: more is planned
    reported: Share = Share()  # the learner's own word: parts of it done, or parts of the item that are reported
    report: Report | None = None
    by: tuple[str, ...] = ()  # the evidence, named: "exercise relu", "lab digits, run digits-0003"
    lacks: tuple[str, ...] = ()  # steps that would prove the rest
    planned: int = 0  # of its parts, those that nothing proves yet


def item_states(guide: Sequence[Item], roadmap: Sequence[Step], evidence: Evidence) -> dict[str, ItemState]:
    """The state of every item, by id; those of the tiers follow from rules, not from here."""
    proofs: dict[str, list[tuple[Step, Proof]]] = {}
    for step in roadmap:
        for proof in step.proofs:
            proofs.setdefault(proof.item, []).append((step, proof))
    said = reports(evidence.reports)
    below = parts(guide)
    found: dict[str, ItemState] = {}
    for item in sorted(guide, key=lambda item: -item.id.count(".")):  # parts first
        own = [(step, held_by(step, proof, evidence)) for step, proof in proofs.get(item.id, ())]
        if item.id in below:
            found[item.id] = _parent(item, own, [found[part.id] for part in below[item.id]])
        else:
            found[item.id] = _leaf(item, own, said.get(item.id), _checked(item, evidence))
    return {item.id: found[item.id] for item in guide}


def held_by(step: Step, proof: Proof, evidence: Evidence) -> str:
    """The evidence by which a step proves an item, in words; "" where there is none."""
    if done(step, evidence) != "proven":
        return ""
    if not step.lab:
        return f"exercise {step.name}"
    runs = [run for run in evidence.runs if run.subject == step.lab and proof.holds(run.payload.get("config"))]
    return f"lab {step.lab}, run {runs[-1].payload.get('run', '')}" if runs else ""


def reports(events: Sequence[Event]) -> dict[str, Report]:
    """What is reported of each item: the newest part counts, hours add up, links and notes are kept."""
    found: dict[str, Report] = {}
    for event in events:
        before, payload = found.get(event.subject, Report()), event.payload
        link, note = str(payload.get("link") or ""), str(payload.get("note") or "")
        found[event.subject] = Report(
            part=Share(*payload.get("part") or (1, 1)),
            hours=before.hours + float(payload.get("hours") or 0.0),
            links=before.links + ((link,) if link else ()),
            notes=before.notes + ((note,) if note else ()),
            at=event.at,
        )
    return found


def _checked(item: Item, evidence: Evidence) -> str | None:
    """The server that proves an item, in words; "" where none has been asked; None where none could."""
    if item.id not in CHECKED:
        return None
    event = evidence.served.get(item.id)
    return f"{event.payload.get('model')} served at {event.payload.get('address')}" if event else ""


def _leaf(item: Item, own: Sequence[tuple[Step, str]], report: Report | None, checked: str | None) -> ItemState:
    proven = Share(sum(bool(by) for _, by in own) + bool(checked), len(own) + (checked is not None))
    more = item.kind == "build" and item.covers != "full"
    part = report.part if report else Share()
    state: State
    if proven.whole and not more:
        state = "proven"
    elif part.whole:
        state = "reported"
    elif proven.done or part.done:
        state = "begun"
    else:
        state = "planned" if item.covers == "none" else "open"
    by = (*_named(own), *([checked] if checked else []))
    return ItemState(item, state, proven, more, part, report, by, _lacking(own))


def _parent(item: Item, own: Sequence[tuple[Step, str]], below: Sequence[ItemState]) -> ItemState:
    built = [part for part in below if part.item.kind == "build"]
    proven = Share(
        sum(bool(by) for _, by in own) + sum(part.state == "proven" for part in built), len(own) + len(built)
    )
    reported = Share(sum(part.state == "reported" for part in below), len(below))
    planned = sum(part.state == "planned" for part in below)
    more = item.covers != "full"
    state: State
    if proven.whole and not more:
        state = "proven"
    elif not more and all(by for _, by in own) and all(part.state in {"proven", "reported"} for part in below):
        state = "reported"
    elif proven.done or any(part.state in {"proven", "reported", "begun"} for part in below):
        state = "begun"
    else:
        provable = own or any(part.state != "planned" for part in built or below)
        state = "open" if provable else "planned"
    by = (*_named(own), *(part.item.id for part in built if part.state == "proven"))
    return ItemState(item, state, proven, more, reported, None, by, _lacking(own), planned)


def _named(own: Sequence[tuple[Step, str]]) -> tuple[str, ...]:
    return tuple(by for _, by in own if by)


def _lacking(own: Sequence[tuple[Step, str]]) -> tuple[str, ...]:
    return tuple(step.name for step, by in own if not by)


def counts(states: Mapping[str, ItemState], level: str = "") -> dict[State, int]:
    """How many items of the guide, or of a level, are in each state; they sum to the whole."""
    chosen = [found.state for found in states.values() if not level or found.item.level == level]
    return {state: chosen.count(state) for state in STATES}
