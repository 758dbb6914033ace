"""`upslope next`: one thing, and the command for it."""

from typing import TYPE_CHECKING

from upslope.cli.learning.migrated import bring_over
from upslope.cli.terminal.console import Screen
from upslope.cli.terminal.exits import Exit
from upslope.cli.terminal.format import listed
from upslope.cli.terminal.options import AsJson, Debug

if TYPE_CHECKING:
    from upslope.academy.item_state import ItemState
    from upslope.academy.lessons import Step
    from upslope.academy.position import Position


def next_(as_json: AsJson = False, debug: Debug = False) -> int:
    """Say one thing to do now, and the command for it."""
    from upslope.academy.position import read_position

    bring_over()
    screen = Screen()
    position = read_position()
    step = position.next
    return _step(screen, position, step) if step else _item(screen, position)


def _step(screen: Screen, position: "Position", step: "Step") -> int:
    from upslope.academy.step_status import unlocks
    from upslope.runs.workspace import exercises_folder

    started = exercises_folder().is_dir()
    opens = unlocks(step, position.table)
    towards = [proof.item for proof in step.proofs]
    command = f"upslope learn {step.name}" if started else "upslope init"
    screen.give(
        {
            "next": step.name,
            "number": step.number,
            "title": step.title,
            "minutes": step.minutes,
            "towards": towards,
            "opens": opens,
            "command": command,
        }
    )
    screen.ends([(f"{step.number} {step.title}", "bold")], f"{step.minutes} min, {step.difficulty}")
    titles = [position.climb.states[name].item.title for name in towards]
    rows = [("Towards", "; ".join(titles))] if titles else []
    rows += [("Opens", listed(opens[:3]))] if opens else []
    screen.pairs(rows)
    screen.gap()
    screen.command(command, "" if started else f"make your files; then upslope learn {step.name}")
    return Exit.DONE


def _item(screen: Screen, position: "Position") -> int:
    """Every step is proven: what the guide asks for beside them, the first that is neither proven nor reported."""
    from upslope.academy.guide import parts

    below = parts()
    found = (s for name, s in position.climb.states.items() if name not in below and s.item.level not in {"G", "A"})
    state: ItemState | None = next((s for s in found if s.state in {"open", "begun"} and s.item.kind != "build"), None)
    command = f"upslope roadmap {state.item.id}" if state else "upslope roadmap"
    screen.give(
        {
            "next": state.item.id if state else None,
            "title": state.item.title if state else None,
            "minutes": None,
            "towards": [],
            "opens": [],
            "command": command,
        }
    )
    screen.line(("Every step is proven.", "bold"))
    if state:
        screen.prose(f"The guide also names: {state.item.title}.")
    screen.gap()
    screen.command(command)
    return Exit.DONE
