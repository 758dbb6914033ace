"""`upslope tier`: the tier that is held and what the next one asks for; --why: all twenty demands."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from upslope.cli.learning.migrated import bring_over
from upslope.cli.terminal.console import Piece, Screen
from upslope.cli.terminal.exits import Exit
from upslope.cli.terminal.options import AsJson, Debug

if TYPE_CHECKING:
    from upslope.academy.tiers import Judged, Tier


def tier(
    why: Annotated[
        bool, typer.Option("--why", help="All twenty demands, each with its rule and its evidence.")
    ] = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> int:
    """See which tier you hold, and what the next one asks for."""
    from upslope.academy.position import read_position
    from upslope.cli.guide.facts import tier_facts
    from upslope.cli.guide.roadmap import grown

    bring_over()
    screen = Screen()
    position = read_position()
    if position.unrecorded:
        print(f"  not recorded: {position.unrecorded}", file=sys.stderr)
    standing, five = position.standing, position.climb.tiers
    screen.give(
        {
            "held": standing.held,
            "next": standing.next,
            "done": standing.share.done,
            "of": standing.share.of,
            "grew": standing.grew,
            "tiers": [tier_facts(each) for each in five],
        }
    )
    if screen.quiet:
        return Exit.DONE
    screen.ends([("Tiers", "bold")], standing.line())
    grown(screen, position)
    for each in five:
        screen.gap()
        _heading(screen, each)
        if why or each.name == standing.next:
            for judged in each.demands:
                _demand(screen, judged, why=why)
    screen.gap()
    if not why:
        screen.command("upslope tier --why", "every demand with its rule and its evidence")
    else:
        screen.prose(
            "What is proven can be run again; what is reported is your word, and is counted apart.", style="dim"
        )
    return Exit.DONE


def _heading(screen: Screen, each: "Tier") -> None:
    from upslope.cli.guide.drawing import bar, since

    share, name = each.share, each.name.capitalize()
    held = f"held since {since(each.since)}" if each.since is not None else "held" if each.held else ""
    proven = sum(judged.holds and judged.demand.basis == "proven" for judged in each.demands)
    pieces: list[Piece] = [(f"{name:<11}", "bold"), *bar(proven, share.done - proven, share.of, 8)]
    screen.line(*pieces, f"  {share.done} of {share.of} demands", (f", {held}" if held else "", "green"))


def _demand(screen: Screen, judged: "Judged", *, why: bool) -> None:
    from upslope.academy.guide import find_item

    met, demand = judged.met, judged.demand
    title = find_item(demand.item).title
    mark: Piece = screen.mark(True) if judged.holds else (" ", "")
    screen.line(mark, f" {title}", (f"  {_words(judged)}", "dim"), indent=4)
    if why:
        screen.prose(f"{demand.rule[0].upper()}{demand.rule[1:]}.", indent=8, style="dim")
        for evidence in met.by:
            screen.prose(f"by {evidence}", indent=8, style="green")
    if not judged.holds and met.lacks:
        screen.prose(f"{'what is to come' if met.planned else 'type'}: {met.lacks}", indent=8, style="dim")


def _words(judged: "Judged") -> str:
    met, basis = judged.met, judged.demand.basis
    if judged.holds:
        return basis
    count = f"{met.share.done} of {met.share.of} {basis}" if met.share.of > 1 else f"to be {basis}"
    return f"{count}, planned" if met.planned else count
