"""What the events in the progress store say about a learner, in one reading: answers, runs, hints, reports.

Proven and reported are kept apart from here on. Proven is what can be run again: an accepted answer, a run that met
its lab's target and was made of the learner's parts, a server that answered. Reported is what the learner says.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from upslope.academy.lab_parts import parts_of
from upslope.academy.overlay import Submission
from upslope.academy.progress import Event, Progress, newest_accepted


@dataclass(frozen=True)
class Evidence:
    """What the progress store says, read once."""

    accepted: Mapping[str, Submission] = field(default_factory=dict)  # exercise id -> the newest accepted answer
    reached: Mapping[str, Event] = field(default_factory=dict)  # lab -> its newest run that reached the target
    proven: Mapping[str, Event] = field(default_factory=dict)  # lab -> the newest of these made of the learner's parts
    taken: frozenset[str] = frozenset()  # exercises whose solution was seen first
    hints: Mapping[str, int] = field(default_factory=dict)  # exercise id -> the highest stage that was shown
    runs: tuple[Event, ...] = ()  # all runs that prove their lab, whatever their settings
    reports: tuple[Event, ...] = ()  # what the learner says, about items of the guide
    served: Mapping[str, Event] = field(default_factory=dict)  # item -> the newest check of a running server
    recalled: frozenset[str] = frozenset()  # exercises that were passed once more in a review
    tiers: Mapping[str, Event] = field(default_factory=dict)  # tier -> the event since which it is held


def read_evidence(path: Path) -> Evidence:
    """The evidence in a progress file; where there is no file yet there is none, and none is made."""
    return evidence_of(Progress(path).telling()) if path.exists() else Evidence()


def evidence_of(events: Iterable[Event]) -> Evidence:
    """The evidence in some events, in the order in which they happened. Kinds that say nothing here are passed over."""
    events = tuple(events)
    hints: dict[str, int] = {}
    seen: set[str] = set()  # exercises whose solution was shown
    passed: set[str] = set()
    taken: set[str] = set()
    tiers: dict[str, Event] = {}
    for event in events:
        if event.kind == "hint":
            hints[event.subject] = max(hints.get(event.subject, 0), int(event.payload["stage"]))
        if event.kind == "solution" or (event.kind == "hint" and int(event.payload["stage"]) >= 3):
            seen.add(event.subject)
            taken |= {event.subject} - passed
        if event.kind == "check" and event.payload["passed"]:
            passed.add(event.subject)
        if event.kind == "tier":
            tiers.setdefault(event.subject, event)
    reached = [event for event in events if event.kind == "run" and event.payload.get("reached")]
    proven = tuple(run for run in reached if all_yours(run))
    return Evidence(
        accepted=newest_accepted(events),
        reached={run.subject: run for run in reached},
        proven={run.subject: run for run in proven},
        taken=frozenset(taken),
        hints=hints,
        runs=proven,
        reports=tuple(event for event in events if event.kind == "report"),
        served={event.subject: event for event in events if event.kind == "served"},
        recalled=frozenset(e.subject for e in events if e.kind == "review" and e.payload.get("passed")),
        tiers=tiers,
    )


def all_yours(run: Event) -> bool:
    """Whether every part of a run was the learner's: the parts that its lab had, with its settings, when it ran."""
    parts = run.payload.get("parts")
    if parts is None:  # not noted, so nothing says that they were
        return not parts_of(run.subject, run.payload.get("config"))
    return all(whose == "yours" for whose in parts.values())
