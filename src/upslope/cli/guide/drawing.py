"""How the state of an item is shown: a sign, words, a bar. Colour says nothing that the words do not say."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from upslope.cli.terminal.console import Piece, Screen, can_say

if TYPE_CHECKING:
    from upslope.academy.item_state import ItemState, State

BAR = 30  # columns
MORE = "+ more of it is planned"
STYLES = {"proven": "green", "reported": "blue", "begun": "yellow", "open": "", "planned": "dim"}


def heading(screen: Screen) -> None:
    """The guide's title and epigraph."""
    from upslope.academy.guide import EPIGRAPH, SUBTITLE, TITLE

    screen.line((TITLE, "bold"))
    screen.line(SUBTITLE)
    screen.line((f'"{EPIGRAPH}"', "italic dim"))


def sign(state: "ItemState") -> str:
    """One character before an item."""
    tick, dot = ("✓", "•") if can_say("✓•") else ("+", "*")
    return {"proven": tick, "reported": dot}.get(state.state, " ")


def words(state: "ItemState") -> str:
    """The state as a person says it: proven; 3 of 4 proven, more is planned; 3 of 20 reported."""
    more = ", more is planned" if goes_on(state) else ""
    return f"{_short(state)}{more}"


def goes_on(state: "ItemState") -> bool:
    """Whether something is done of an item that asks for more than can be proven yet."""
    return state.state == "begun" and bool(state.more or state.planned) and state.proven.of > 0


def _short(state: "ItemState") -> str:
    if state.state == "begun" and state.proven.done:
        return f"{state.proven.done} of {state.proven.of} proven"
    if state.state == "begun" and state.reported.done:
        return f"{state.reported.done} of {state.reported.of} reported"
    return state.state


def row(state: "ItemState", name: str, *, indent: int = 0) -> list[Piece]:
    """An item as a row of a table: sign and id, title, state with a + where more of it is planned (MORE says so)."""
    style = STYLES[state.state]
    faint = "dim" if state.state == "planned" else ""
    said = f"{_short(state)} +" if goes_on(state) else _short(state)
    return [(f"{sign(state)} {' ' * indent}{name}", style), (state.item.title, faint), (said, style)]


def bar(proven: int, reported: int, of: int, width: int = BAR) -> list[Piece]:
    """A bar of three kinds: proven, reported, the rest. Whatever there is shows in a column at least."""
    full = _columns(proven, of, width)
    half = min(_columns(reported, of, width), width - full)
    return [("█" * full, "green"), ("▒" * half, "blue"), ("░" * (width - full - half), "dim")]


def _columns(count: int, of: int, width: int) -> int:
    share = int(width * count / of) if of else 0
    return max(share, 1) if count else 0


def level_line(screen: Screen, title: str, counts: "Mapping[State, int]", *, provable: bool = True) -> None:
    """A level's title with what is done of it, and below that its bar with the rest in words.

    Where nothing is built there is nothing to prove, and what is reported is what is done.
    """
    of, best = sum(counts.values()), "proven" if provable else "reported"
    screen.ends([(title, "bold")], f"{counts['proven' if provable else 'reported']} of {of} {best}")
    screen.line(*bar(counts["proven"], counts["reported"], of), (f"  {tally(counts, but=best)}", "dim"))


def tally(counts: "Mapping[State, int]", *, but: str = "proven") -> str:
    """How many items are in each of the other states, in words: 1 reported, 2 begun, 26 open, 5 planned."""
    rest = (f"{count} {state}" for state, count in counts.items() if count and state != but)
    return ", ".join(rest) or f"all of it {but}"


def level_title(level: str) -> str:
    """Level 1: Neural networks; Projects."""
    from upslope.academy.guide import LEVELS

    return f"Level {level}: {LEVELS[level]}" if level.isdecimal() else LEVELS[level]


def since(at: float) -> str:
    """A date as people write it, where the learner is: 3 May 2026."""
    from datetime import datetime

    day = datetime.fromtimestamp(at)
    return f"{day.day} {day:%B %Y}"
