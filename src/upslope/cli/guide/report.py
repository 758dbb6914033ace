"""`upslope report`: what the learner did elsewhere, kept as the learner's word; and a server that answers, as proof."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from upslope.cli.terminal.completion import item_names
from upslope.cli.terminal.console import Screen
from upslope.cli.terminal.exits import Exit
from upslope.cli.terminal.options import AsJson, Debug

if TYPE_CHECKING:
    from upslope.academy.item_state import ItemState


def report(
    name: Annotated[str, typer.Argument(metavar="ITEM", help="An item of the guide.", autocompletion=item_names)],
    part: Annotated[str, typer.Option("--part", metavar="N/M", help="So much of it, 3/20; 0/1 takes it back.")] = "",
    hours: Annotated[str, typer.Option("--hours", metavar="H", help="Hours spent, added to earlier ones.")] = "",
    link: Annotated[str, typer.Option("--link", metavar="URL", help="Where others can see it.")] = "",
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="A note, in your own words.")] = "",
    check: Annotated[str, typer.Option("--check", metavar="URL", help="Ask the server there: that is proof.")] = "",
    as_json: AsJson = False,
    debug: Debug = False,
) -> int:
    """Say what you did elsewhere: a course, a video, a milestone.

    Without --part the report says that the whole is done. A report is your word and is counted apart from what is
    proven. The newest part counts, hours add up, links and notes are kept. --check is for a deployed model: a running
    server is asked for its health and a prediction, and its answers are proof.
    """
    from upslope.academy.deployment import add_check
    from upslope.academy.guide import find_item
    from upslope.academy.position import read_position
    from upslope.academy.progress import Progress
    from upslope.academy.reports import add_report
    from upslope.cli.guide.facts import item_facts
    from upslope.runs.workspace import progress_file

    item = find_item(name)
    progress = Progress(progress_file())
    served: dict[str, Any] = {}
    if check:
        served, new = add_check(progress, item, check)
    if not check or part or hours or link or note:
        new = add_report(progress, item, part=part, hours=hours, link=link, note=note)
    position = read_position()
    state = position.climb.states[item.id]
    screen = Screen()
    screen.give({**item_facts(state, position), "tiers_held": new, "served": served or None})
    screen.ends([(item.title, "bold")], item.id)
    if served:
        screen.line((f"Proven: {served['model']} answers at {served['address']}.", "bold green"))
        screen.line((f"{served['prompt']}{served['prediction']}".replace("\n", " "), "dim"))
    else:
        screen.line(_words(state))
    if state.state == "proven" and not served:
        screen.prose("It is proven already; the report is kept beside the proof.", style="dim")
    elif item.kind == "build" and not served:
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
