"""`upslope report`: what the learner did elsewhere, kept as the learner's word. It never becomes proof."""

import math
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from upslope.cli.terminal.completion import item_names
from upslope.cli.terminal.console import Screen
from upslope.cli.terminal.errors import UsageError
from upslope.cli.terminal.exits import Exit
from upslope.cli.terminal.format import listed
from upslope.cli.terminal.options import AsJson, Debug

if TYPE_CHECKING:
    from upslope.academy.guide import Item
    from upslope.academy.item_state import ItemState


def report(
    name: Annotated[str, typer.Argument(metavar="ITEM", help="An item of the guide.", autocompletion=item_names)],
    part: Annotated[str, typer.Option("--part", metavar="N/M", help="So much of it, 3/20; 0/1 takes it back.")] = "",
    hours: Annotated[float, typer.Option("--hours", metavar="H", help="Hours spent, added to earlier ones.")] = 0.0,
    link: Annotated[str, typer.Option("--link", metavar="URL", help="Where others can see it.")] = "",
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="A note, in your own words.")] = "",
    as_json: AsJson = False,
    debug: Debug = False,
) -> int:
    """Say what you did elsewhere: a course, a video, a milestone.

    Without --part the report says that the whole is done. A report is your word and is counted apart from what is
    proven. The newest part counts, hours add up, links and notes are kept.
    """
    from upslope.academy.guide import find_item
    from upslope.academy.progress import Progress
    from upslope.cli.guide.facts import item_facts
    from upslope.cli.guide.position import keep_tiers, read_position
    from upslope.runs.workspace import progress_file

    item = find_item(name)
    _refuse_parents(item)
    said = {"part": _part(part), "hours": _hours(hours), "link": _link(link), "note": " ".join(note.split())}
    progress = Progress(progress_file())
    progress.add("report", item.id, **{key: value for key, value in said.items() if value})
    new = keep_tiers(progress)
    position = read_position()
    state = position.climb.states[item.id]
    screen = Screen()
    screen.give({**item_facts(state, position), "tiers_held": new})
    screen.ends([(item.title, "bold")], item.id)
    screen.line(_words(state))
    if state.state == "proven":
        screen.prose("It is proven already; the report is kept beside the proof.", style="dim")
    elif item.kind == "build":
        screen.prose("A report is your word: it is counted apart, and proves nothing.", style="dim")
    for tier in new:
        screen.line((f"You hold {tier}.", "bold green"))
    return Exit.DONE


def _words(state: "ItemState") -> str:
    report = state.report
    if report is None or not report.part.done:
        return "Not reported any more." if report else "Reported."
    whole = report.part.whole
    count = "" if whole and report.part.of == 1 else f": {report.part.done} of {report.part.of}"
    hours = f", {report.hours:g} hours so far" if report.hours else ""
    return f"Reported{count}{hours}."


def _refuse_parents(item: "Item") -> None:
    from upslope.academy.guide import parts

    below = [part.id for part in parts().get(item.id, ())]
    if below:
        raise UsageError(f"{item.id} is its parts; report one of them: {listed(below)}")


def _part(text: str) -> list[int] | None:
    if not text:
        return None
    done, slash, of = text.partition("/")
    if not (slash and done.strip().isdecimal() and of.strip().isdecimal() and 0 <= int(done) <= int(of) != 0):
        raise UsageError(f"--part is written 3/20, so many of so many, not {text}")
    return [int(done), int(of)]


def _hours(value: float) -> float:
    if not math.isfinite(value) or value < 0:
        raise UsageError(f"--hours is a number of hours, 1.5 for instance, not {value:g}")
    return value


def _link(text: str) -> str:
    try:
        parts = urlsplit(text.strip())
    except ValueError:
        parts = urlsplit("")
    if text and (parts.scheme not in {"http", "https"} or not parts.hostname):
        raise UsageError(f"--link is an address that begins with https://, not {text}")
    return text.strip()
