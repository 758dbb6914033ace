"""One item of the guide: what proves it, how long that takes, what it needs and opens, where its resource is."""

from typing import TYPE_CHECKING

from upslope.cli.terminal.console import Piece, Screen
from upslope.cli.terminal.exits import Exit
from upslope.cli.terminal.format import listed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from upslope.academy.guide import Item
    from upslope.academy.item_state import ItemState
    from upslope.academy.position import Position
    from upslope.academy.step_status import StepStatus


def item_page(item: "Item") -> int:
    """Show one item."""
    from upslope.academy.guide import parts
    from upslope.academy.position import read_position
    from upslope.cli.guide.drawing import MORE, goes_on, row, words
    from upslope.cli.guide.facts import item_facts

    screen = Screen()
    position = read_position()
    state = position.climb.states[item.id]
    lessons = [status for status in position.table if item.id in {proof.item for proof in status.step.proofs}]
    below = parts().get(item.id, ())
    needs, opens = _needs(lessons, position), _opens(lessons, position)
    screen.give(
        {
            **item_facts(state, position),
            "parts": [part.id for part in below],
            "needs": needs,
            "opens": opens,
            "rule": _rule(item),
        }
    )
    if screen.quiet:
        return Exit.DONE
    screen.ends([(item.id, "bold")], words(state))
    screen.prose(item.title)
    screen.gap()
    screen.pairs(_about(state, lessons, needs, opens))
    if lessons:
        screen.gap()
        screen.line(("What proves it", "bold"))
        screen.table(("", "", "", ""), [_lesson_row(status, item) for status in lessons], right=(2,))
    if below:
        screen.gap()
        screen.line(("Its parts", "bold"))
        under = [position.climb.states[part.id] for part in below]
        screen.table(("", "", ""), [row(part, part.item.id) for part in under])
        if any(map(goes_on, under)):
            screen.prose(MORE, style="dim")
    screen.gap()
    screen.commands(_commands(state, lessons, below))
    return Exit.DONE


def _about(
    state: "ItemState", lessons: "Sequence[StepStatus]", needs: list[str], opens: list[str]
) -> list[tuple[str, str]]:
    """What there is to say about an item, in words and their meaning."""
    from upslope.cli.guide.drawing import level_title

    item = state.item
    rows = [("Where", f"{level_title(item.level)}, {item.section}")]
    if item.covers == "none":
        what = "proves" if item.kind == "build" else "measures"
        rows.append(("Planned", f"Nothing here {what} it yet. To come: {item.proof}."))
    else:
        rows.append(("Asks for", _rule(item) or f"{item.proof}."))
    if item.covers == "part" and lessons:
        rows.append(("Covers", "A part of that; more is planned."))
    if state.by:
        rows.append(("Proven by", "; ".join(state.by)))
    minutes = item.minutes if item.minutes is not None else sum(status.step.minutes for status in lessons)
    if minutes:
        rows.append(("Takes", f"{minutes} min"))
    if needs and state.state != "proven":
        rows.append(("Needs", f"{listed(needs)}, not proven yet; it is open all the same"))
    if opens:
        rows.append(("Opens", listed(opens)))
    if item.address:
        rows.append((_RESOURCE[item.address_state], item.address))
    if item.address_note:
        rows.append(("Today", item.address_note))
    return [*rows, *_reported(state)]


_RESOURCE = {"open": "Resource", "moved": "Moved", "closed": "Closed", "": "Resource"}


def _reported(state: "ItemState") -> list[tuple[str, str]]:
    """What the learner said about it."""
    report = state.report
    if report is None:
        return []
    said = [
        f"{report.part.done} of {report.part.of}" if report.part.of > 1 else "done" if report.part.done else "not done"
    ]
    said += [f"{report.hours:g} h"] if report.hours else []
    return [
        ("Reported", ", ".join(said)),
        *(("Link", link) for link in report.links),
        *(("Note", n) for n in report.notes),
    ]


def _needs(lessons: "Sequence[StepStatus]", position: "Position") -> list[str]:
    own = {status.step.name for status in lessons}
    return list(dict.fromkeys(name for status in lessons for name in status.waits_for if name not in own))


def _opens(lessons: "Sequence[StepStatus]", position: "Position") -> list[str]:
    from upslope.academy.step_status import unlocks

    own = {status.step.name for status in lessons}
    names = (name for status in lessons for name in unlocks(status.step, position.table))
    return [name for name in dict.fromkeys(names) if name not in own]


def _lesson_row(status: "StepStatus", item: "Item") -> list[Piece]:
    from upslope.cli.learning.step_facts import row

    mark, name, _, minutes, state = row(status, coming=False)
    settings = [f"{key}={value}" for p in status.step.proofs if p.item == item.id for key, value in p.settings]
    if settings and not isinstance(name, str):
        name = (" ".join([name[0], *settings]), name[1])
    return [mark, name, minutes, state]


def _rule(item: "Item") -> str:
    """Of the twenty demands the rule; of the other items none."""
    from upslope.academy.tiers import DEMANDS

    return next((f"{d.rule[0].upper()}{d.rule[1:]}." for d in DEMANDS if d.item == item.id), "")


def _commands(state: "ItemState", lessons: "Sequence[StepStatus]", below: "Sequence[Item]") -> list[tuple[str, str]]:
    """What to type next."""
    step = next((status.step for status in lessons if status.step.name in state.lacks), None)
    rows = [(f"upslope learn {step.name}", f"{step.number}, {step.minutes} min")] if step else []
    if below:
        rows.append((f"upslope roadmap {below[0].id}", "its first part"))
    elif state.state != "proven":
        asks = " --link URL" if state.item.kind == "milestone" else ""
        rows.append((f"upslope report {state.item.id}{asks}", "your word, not proof"))
    return rows or [(f"upslope roadmap {state.item.level}", "its level")]
