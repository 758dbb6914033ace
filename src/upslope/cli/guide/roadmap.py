"""`upslope roadmap`: the whole guide, one level of it, or one item."""

from typing import TYPE_CHECKING, Annotated

import typer

from upslope.cli.learning.migrated import bring_over
from upslope.cli.terminal.completion import item_names
from upslope.cli.terminal.console import Piece, Screen
from upslope.cli.terminal.exits import Exit
from upslope.cli.terminal.options import AsJson, Debug

if TYPE_CHECKING:
    from upslope.academy.guide import Item
    from upslope.academy.position import Position

IN_A_LINE = ("T", "S", "W")  # levels of plans and habits, which the whole guide sums up; by letter each is listed


def roadmap(
    name: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[LEVEL|ITEM]",
            help="A level (1, P, R, T, ...) or an item (1.modern.gelu). Without it, the whole guide.",
            autocompletion=item_names,
        ),
    ] = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> int:
    """See the guide: what is proven, reported, open and planned."""
    from upslope.academy.guide import find_level
    from upslope.cli.guide.item_page import item_page

    bring_over()
    word = " ".join(name or ())
    if not word:
        return show_all()
    level = find_level(word)
    return show_level(level) if level is not None else item_page(_item(word))


def _item(word: str) -> "Item":
    """The item of that name; where it is a step's name and no item's, the error says which verb shows that."""
    from upslope.academy.guide import UnknownItem, find_item
    from upslope.academy.lessons import steps
    from upslope.cli.terminal.errors import UsageError
    from upslope.cli.terminal.format import listed

    try:
        return find_item(word)
    except UnknownItem:
        for step in steps():
            if step.name == word:
                proves = listed([proof.item for proof in step.proofs])
                also = f"; it proves {proves}" if proves else ""
                raise UsageError(f"{word} is a step: upslope learn {word} shows it{also}") from None
        raise


def show_all() -> int:
    """Every box of the guide, level by level, with bars; the steps of each level; one command."""
    from upslope.academy.guide import by_level
    from upslope.academy.item_state import counts
    from upslope.academy.position import read_position
    from upslope.cli.guide.drawing import MORE, bar, goes_on, heading, level_line, level_title, row, tally
    from upslope.cli.guide.facts import guide_facts
    from upslope.cli.learning.step_facts import grid

    screen = Screen()
    position = read_position()
    if screen.quiet:
        screen.give(guide_facts(position))
        return Exit.DONE
    states = position.climb.states
    all_of_them = counts(states)
    screen.ends([("Roadmap", "bold")], position.standing.line())
    screen.gap()
    heading(screen)
    screen.gap()
    screen.line(f"{all_of_them['proven']} of {len(states)} items proven, {tally(all_of_them)}")
    screen.line(*bar(all_of_them["proven"], all_of_them["reported"], len(states), screen.width - 4))
    grown(screen, position)
    for level, _, items in by_level():
        if level == "G":
            continue
        screen.gap()
        provable = any(item.kind == "build" for item in items)
        level_line(screen, level_title(level), counts(states, level), provable=provable)
        if level in IN_A_LINE:
            screen.line((f"upslope roadmap {level} lists them", "dim"), indent=4)
            continue
        rows = [row(states[item.id], item.id) for item in items if item.parent not in states]
        screen.table(("", "", ""), rows)
        table = [status for status in position.table if str(status.step.level) == level]
        if table:
            screen.line(("Lessons and labs", "dim"))
            grid(screen, table, position.next)
    screen.gap()
    if any(map(goes_on, states.values())):
        screen.prose(MORE, style="dim")
    _go_on(screen, position)
    return Exit.DONE


def show_level(level: str) -> int:
    """One level: its items with their parts, its lessons and labs with times and states."""
    from upslope.academy.guide import depth, parts
    from upslope.academy.item_state import counts
    from upslope.academy.position import read_position
    from upslope.cli.guide.drawing import MORE, goes_on, level_line, level_title, row
    from upslope.cli.guide.facts import guide_facts
    from upslope.cli.learning.step_facts import row as step_row

    screen = Screen()
    position = read_position()
    states = {name: state for name, state in position.climb.states.items() if state.item.level == level}
    table = [status for status in position.table if str(status.step.level) == level]
    if screen.quiet:
        whole = guide_facts(position)
        chosen = {
            "levels": [found for found in whole["levels"] if found["level"] == level],
            "items": [found for found in whole["items"] if found["level"] == level],
            "steps": [found for found in whole["steps"] if str(found["number"]).startswith(f"{level}.")],
        }
        screen.give({**whole, **chosen, "counts": counts(states)})
        return Exit.DONE
    provable = any(state.item.kind == "build" for state in states.values())
    level_line(screen, level_title(level), counts(states), provable=provable)
    screen.gap()
    ids, below = [state.item for state in states.values()], parts()
    rows: list[list[Piece]] = []
    for name, state in states.items():
        deep = depth(state.item, ids)
        if not deep and name in below and rows:
            rows.append(["", "", ""])
        rows.append(row(state, state.item.name if deep else name, indent=2 * deep))
    screen.table(("", "", ""), rows)
    if any(map(goes_on, states.values())):
        screen.prose(MORE, style="dim")
    if table:
        screen.gap()
        screen.line(("Lessons and labs", "bold"))
        steps: list[list[Piece]] = []
        part = ""
        for status in table:
            if status.step.part != part:
                part = status.step.part
                steps.append(["", (part, "dim"), "", "", ""])
            steps.append(step_row(status, coming=status.step is position.next))
        screen.table(("", "", "", "", ""), steps, right=(3,))
        if any(status.taken and status.state == "proven" for status in table):
            screen.prose("* after the solution was seen", style="dim")
    screen.gap()
    first = next((name for name in states if name not in below), level)
    screen.command(f"upslope roadmap {first}", "one item: what proves it, and what it opens")
    return Exit.DONE


def grown(screen: Screen, position: "Position") -> None:
    """That the guide has more items than when the tier was first held; the tier stays."""
    standing = position.standing
    if standing.grew:
        screen.prose(f"The roadmap grew by {standing.grew} since you first held {standing.held}, which stays yours.")


def _go_on(screen: Screen, position: "Position") -> None:
    step = position.next
    commands = [(f"upslope learn {step.name}", "what comes next")] if step else []
    first = str(step.level) if step else "1"
    screen.commands(
        [*commands, (f"upslope roadmap {first}", "a level with its parts"), ("upslope tier", "what a tier asks for")]
    )
