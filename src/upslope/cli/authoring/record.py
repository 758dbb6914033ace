"""`upslope author record`: a lab over its seeds, and the record of it."""

from typing import TYPE_CHECKING, Annotated

import typer

from upslope.cli.terminal.completion import lab_names
from upslope.cli.terminal.console import Screen
from upslope.cli.terminal.errors import Missing, UsageError
from upslope.cli.terminal.exits import Exit
from upslope.cli.terminal.options import AsJson, Debug

if TYPE_CHECKING:
    from pathlib import Path

    from upslope.cards import LabCard
    from upslope.runs.recording import Planned


def make_records(
    name: Annotated[
        str | None, typer.Argument(metavar="[LAB]", help="A lab.", autocompletion=lab_names, show_default=False)
    ] = None,
    settings: Annotated[list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Settings.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All labs.")] = False,
    seeds: Annotated[int | None, typer.Option("--seeds", metavar="N", help="How many seeds, from 0.")] = None,
    preset: Annotated[str | None, typer.Option("--preset", help="smoke, laptop or full.")] = None,
    variant: Annotated[str, typer.Option("--variant", help="A word for what differs from the preset.")] = "",
    processes: Annotated[
        int, typer.Option("--processes", metavar="N", help="How many seeds train at once, each on its share of cores.")
    ] = 1,
    as_json: AsJson = False,
    debug: Debug = False,
) -> int:
    """Run a lab over its seeds and write records into results/.

    All variants that its card names, as they are and with each ablation; or one, given by settings or a preset.
    """
    from dataclasses import asdict, replace

    from upslope.cards import LabCard, discover
    from upslope.cli.training.lab import find
    from upslope.runs.recording import as_wanted, make, planned
    from upslope.runs.records import write_record
    from upslope.runs.workspace import short

    screen = Screen()
    if every == (name is not None):
        raise UsageError("name the lab to record, or say --all")
    if seeds is not None and seeds < 1:
        raise UsageError(f"a record needs at least one seed, not {seeds}")
    if processes < 1:
        raise UsageError(f"--processes is at least 1, not {processes}")
    if any(word.partition("=")[0].strip() == "seed" for word in settings or ()):
        raise UsageError("the seeds are counted from 0; say how many with --seeds")
    plans = []
    for found in [find(name)] if name is not None else discover("labs").values():
        assert isinstance(found.card, LabCard)
        if settings or preset or variant:
            plan = _as_asked(found.card, settings or [], preset or "laptop", variant)
            plans.append((found, replace(plan, seeds=seeds or found.card.seeds)))
        else:
            plans += [(found, replace(plan, seeds=seeds or plan.seeds)) for plan in planned(found.card)]
    folder = checkout() / "results"
    made, fine = [], True
    for found, plan in plans:
        if len(plans) > 1:
            screen.line((" ".join([found.card.name, *plan.words]), "bold"))
        one = make(
            found,
            plan,
            quiet=screen.quiet,
            said=lambda seed, result: screen.prose(f"seed {seed}   {result.line()}"),
            processes=processes,
        )
        path = write_record(one, folder)
        made.append({**asdict(one), "path": str(path)})
        fine = fine and as_wanted(one, plan)
        screen.gap()
        said = (
            f"{one.reached} of {plan.seeds} seeds reached the target" if one.targets else "on record without a target"
        )
        screen.line(f"{said}    ", short(path))
    screen.give({"records": made} if len(plans) != 1 else made[0])
    screen.command("upslope author results --write")
    return Exit.DONE if fine else Exit.NOT


def _as_asked(card: "LabCard", words: list[str], preset: str, variant: str) -> "Planned":
    """One record of these settings; what breaks the lab on purpose is known by its card."""
    from upslope.runs.config import setting_words
    from upslope.runs.recording import Planned

    given = {word.replace(" ", "") for word in words}
    breaks = (each for each in card.ablations if set(setting_words(each.settings)) <= given)
    return Planned(variant, tuple(words), preset, card.seeds, next(breaks, None))


def checkout() -> "Path":
    """The checkout that this library stands in; an installed package has none, and the verb is refused."""
    from upslope.runs import records

    root = records.checkout()
    if root is None:
        raise Missing("this verb needs a checkout of Upslope, and this is an installed package")
    return root
