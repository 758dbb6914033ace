"""A step of the roadmap: as a row of a table, in the list of a level, and for programs."""

from typing import TYPE_CHECKING

from upslope.cli.terminal.console import Piece, Screen, can_say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from upslope.academy.step_status import StepStatus

_STYLES = {"proven": "green", "reached": "", "open": "", "waiting": "dim", "reading": ""}
_WORDS = {"waiting": "later", "reading": ""}


def facts(standing: "StepStatus", *, coming: bool = False) -> dict[str, object]:
    """A step for a program."""
    step = standing.step
    return {
        "number": step.number,
        "name": step.name,
        "topic": step.topic,
        "part": step.part,
        "title": step.title,
        "minutes": step.minutes,
        "difficulty": step.difficulty,
        "exercise": step.exercise,
        "lab": step.lab,
        "needs": list(step.needs),
        "returns_in": list(step.returns_in),
        "proves": list(step.proves),
        "terms": list(step.terms),
        "state": standing.state,
        "waits_for": list(standing.waits_for),
        "solution_seen": standing.taken,
        "next": coming,
    }


def sign(standing: "StepStatus", *, coming: bool = False) -> tuple[str, str]:
    """The character before a step, with its colour."""
    tick, arrow = ("✓", "→") if can_say("✓→") else ("+", ">")
    if coming:
        return arrow, "bold cyan"
    return (tick if standing.state == "proven" else " "), _STYLES[standing.state]


def row(standing: "StepStatus", *, coming: bool) -> list[Piece]:
    """A step in the table of its level: number, name, title, minutes, state."""
    step = standing.step
    mark, style = sign(standing, coming=coming)
    state = "next" if coming else _WORDS.get(standing.state, standing.state)
    if standing.state == "proven" and standing.taken:
        state = "proven*"
    title = step.title.partition(": ")[2] or step.title
    faint = "dim" if standing.state == "waiting" and not coming else ""
    return [
        (f"{mark} {step.number}", style),
        (f"lab {step.lab}" if step.lab and not step.exercise else step.name, faint),
        (title, faint),
        (f"{step.minutes} min", "dim"),
        (state, style),
    ]


def grid(screen: Screen, table: "Sequence[StepStatus]", coming: object) -> None:
    """The steps of a level in as many columns as there is room for, each with its sign, number and name."""
    cells = [(sign(s, coming=s.step is coming), f"{s.step.number} {s.step.name}", s) for s in table]
    width = max(len(name) for _, name, _ in cells) + 5
    columns = max(1, (screen.width - 2) // width)
    rows = -(-len(cells) // columns)
    for place in range(rows):
        pieces: list[Piece] = []
        for (mark, style), name, _ in cells[place::rows]:  # down the columns, as a list is read
            pieces += [(f"{mark} ", style), (f"{name:<{width - 2}}", style)]
        screen.line(*pieces)
