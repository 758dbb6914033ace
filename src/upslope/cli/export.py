"""`upslope export`: a run's network as one file, compared with the original before it is called done."""

from pathlib import Path
from typing import Annotated

import typer

from upslope.cli.completion import run_names
from upslope.cli.exits import Exit
from upslope.cli.options import AsJson, Debug
from upslope.cli.screen import Screen
from upslope.cli.sentences import Usage, did_you_mean
from upslope.cli.words import size


def export(
    run: Annotated[str, typer.Argument(help="A finished run, or a lab for its newest.", autocompletion=run_names)],
    kind: Annotated[str, typer.Option("--format", "-f", metavar="FORMAT", help="onnx, safetensors or pt2.")] = "onnx",
    out: Annotated[Path | None, typer.Option("--out", help="The file, or a folder for it; here if not said.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> int:
    """Write a trained network to one file that other programs read, with a model card beside it."""
    from dataclasses import asdict

    from upslope.runs.progress import progress_bar
    from upslope.runs.workspace import short
    from upslope.ship.export import BATCHES, export
    from upslope.ship.formats import FORMATS
    from upslope.ship.load import run_folder

    screen = Screen()
    if kind not in FORMATS:
        raise Usage(f'there is no format "{kind}"{did_you_mean(kind, list(FORMATS))} (formats: {", ".join(FORMATS)})')
    folder = run_folder(run)
    with progress_bar(3, "loading", quiet=screen.quiet) as bar:
        begun = iter(range(1, 4))
        done = export(folder, kind, out=out, force=force, say=lambda what: bar.update(next(begun), description=what))
    screen.give({**asdict(done), "path": str(done.path), "card": str(done.card), "run": folder.name, "format": kind})
    screen.line((str(done.path), "bold"), f"   {size(done.size)}")
    sizes = ", ".join(str(number) for number in BATCHES)
    screen.prose(
        f"Read back and compared with {folder.name} on {done.source}, in batches of {sizes}: "
        f"scores differ by {done.difference:.1g} at most."
    )
    screen.line("Model card  ", short(done.card))
    screen.gap()
    screen.command(f"upslope predict {done.path} picture.png")
    return Exit.DONE
