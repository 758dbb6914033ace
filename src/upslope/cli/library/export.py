"""`upslope export`: a run's model as one file, compared with the original before it is called done."""

from pathlib import Path
from typing import Annotated

import typer

from upslope.cli.terminal.completion import run_names
from upslope.cli.terminal.console import Screen
from upslope.cli.terminal.errors import UsageError
from upslope.cli.terminal.exits import Exit
from upslope.cli.terminal.format import size
from upslope.cli.terminal.options import AsJson, Debug
from upslope.spelling import did_you_mean


def export(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A finished run, or a lab.", autocompletion=run_names)],
    kind: Annotated[
        str | None,
        typer.Option(
            "--format",
            "-f",
            metavar="FORMAT",
            help="onnx, onnx-int8, safetensors or pt2; default: the ending of --out, or onnx.",
        ),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option("--out", metavar="PATH", help="The file, or a folder for it; default: the current folder."),
    ] = None,
    int8: Annotated[
        bool, typer.Option("--int8", help="Compute in eight bits: smaller and faster, measured on the test data.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> int:
    """Write a trained model to one file that other programs read, with a model card beside it.

    Of a lab it is the newest finished run. The file is read back and compared with the run before it is called done.
    """
    from dataclasses import asdict

    from upslope.runs.progress import progress_bar
    from upslope.runs.workspace import short
    from upslope.ship.export import BATCHES, export, in_words
    from upslope.ship.formats import FORMATS
    from upslope.ship.predictor import run_folder

    screen = Screen()
    if kind in ("onnx-int8", "int8"):
        int8, kind = True, "onnx"
    if int8 and kind not in (None, "onnx"):
        raise UsageError(f"--int8 writes ONNX, not {kind}")
    ending = Path(out or "").suffix.removeprefix(".")
    kind = kind or (ending if ending in FORMATS else "onnx")
    if kind not in FORMATS:
        raise UsageError(
            f'there is no format "{kind}"{did_you_mean(kind, list(FORMATS))} (formats: {", ".join(FORMATS)})'
        )
    if Path(run).is_file():
        exported = Path(run).suffix.removeprefix(".") in FORMATS
        already = f"upslope predict {run} uses it" if exported else "upslope runs lists what can be"
        raise UsageError(f"{run} is a file, and only a run can be exported: {already}")
    folder = run_folder(run)
    if int8:
        return _int8(screen, folder, out, force=force)
    with progress_bar(3, "loading", quiet=screen.quiet) as bar:
        begun = iter(range(1, 4))
        # A path forgets the slash by which a person says that it is a folder.
        path = None if not out else Path(out) / f"{folder.name}.{kind}" if out.endswith("/") else Path(out)
        done = export(folder, kind, out=path, force=force, say=lambda what: bar.update(next(begun), description=what))
    screen.give({**asdict(done), "path": str(done.path), "card": str(done.card), "run": folder.name, "format": kind})
    screen.line((str(done.path), "bold"), f"   {size(done.size)}")
    sizes = ", ".join(str(number) for number in BATCHES)
    where = f"on {done.source}, in batches of {sizes}"
    screen.prose(f"Read back and compared with {folder.name} {where}: {in_words(done.difference)}.")
    screen.line("Model card  ", short(done.card))
    screen.gap()
    screen.command(f"upslope predict {done.path} {done.example}".rstrip())
    return Exit.DONE


def _int8(screen: Screen, folder: Path, out: str | None, *, force: bool) -> int:
    from dataclasses import asdict

    from upslope.runs.progress import progress_bar
    from upslope.runs.workspace import short
    from upslope.ship.quantize import export_int8

    with progress_bar(4, "loading", quiet=screen.quiet) as bar:
        begun = iter(range(1, 5))
        path = None if not out else Path(out) / f"{folder.name}.int8.onnx" if out.endswith("/") else Path(out)
        done = export_int8(folder, out=path, force=force, say=lambda what: bar.update(next(begun), description=what))
    screen.give({**asdict(done), "path": str(done.path), "card": str(done.card), "run": folder.name, "format": "onnx"})
    screen.line((str(done.path), "bold"), f"   {size(done.size)}, in 32 bits {size(done.of)}")
    before, after = (f"{100 * value:.2f} %" for value in (done.before, done.after))
    screen.prose(f"Measured on {done.samples} {done.source}: {done.score} {before} in 32 bits, {after} in 8.")
    screen.line("Model card  ", short(done.card))
    screen.gap()
    screen.command(f"upslope predict {done.path} ...")
    return Exit.DONE
