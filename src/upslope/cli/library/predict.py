"""`upslope predict`: what a trained model says about any input of its task."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from upslope.cli.terminal.completion import run_names
from upslope.cli.terminal.console import Piece, Screen, clean
from upslope.cli.terminal.errors import UsageError
from upslope.cli.terminal.exits import Exit
from upslope.cli.terminal.format import plural
from upslope.cli.terminal.options import AsJson, Debug
from upslope.cli.terminal.own_pictures import may_be_written, save_figure, save_pixels

if TYPE_CHECKING:
    from upslope.ship.pipelines.pipeline import Options, Pipeline, Prediction, UnreadableInput

_OURS = "upslope predict"  # in a figure, so that it is known again
_WIDTH = 24  # characters of a full bar
_KINDS = {".png": "PNG picture", ".gif": "GIF", ".wav": "WAV file"}


def predict(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN", help="A run, a lab for its newest, or an exported file.", autocompletion=run_names
        ),
    ],
    inputs: Annotated[
        list[str] | None,
        typer.Argument(metavar="[INPUT]...", help="What its task takes: pictures, sounds, texts, an environment."),
    ] = None,
    top: Annotated[int | None, typer.Option("--top", metavar="N", help="How many classes to name.")] = None,
    count: Annotated[int | None, typer.Option("--count", metavar="N", help="How many samples or episodes.")] = None,
    first: Annotated[
        int | None, typer.Option("--first", metavar="N", help="The number of the first sample, from 0.")
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", metavar="N", help="Where chance begins.")] = None,
    length: Annotated[int | None, typer.Option("--length", metavar="N", help="How many tokens to write.")] = None,
    temperature: Annotated[
        float | None,
        typer.Option("--temperature", metavar="T", help="0: the likeliest; 1: as learned; above: more varied."),
    ] = None,
    steps: Annotated[int | None, typer.Option("--steps", metavar="N", help="How many steps a sampler takes.")] = None,
    guidance: Annotated[
        float | None, typer.Option("--guidance", metavar="W", help="How much a prompt is amplified; 0: not at all.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FOLDER", help="Write each sample and a sheet of them as PNG files.")
    ] = None,
    show: Annotated[
        Path | None, typer.Option("--show", metavar="FILE", help="Draw what it saw or made into this file.")
    ] = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> int:
    """Let a trained model answer: classes of pictures and sounds, text, samples, games."""
    from upslope.image.read import SUFFIXES
    from upslope.ship.pipelines.pipeline import Options, Prediction, Remark
    from upslope.ship.predictor import load

    screen = Screen()
    if Path(run).suffix.lower() in SUFFIXES and Path(run).is_file():
        raise UsageError(f"{run} is a picture, and the run comes before the pictures: upslope predict RUN {run}")
    if show is not None and show.suffix.lower() not in _KINDS:
        raise UsageError(f"--show writes a PNG picture, and {show} does not end in .png")
    if show is not None and not may_be_written(show, by=_OURS):
        raise UsageError(f"{show} exists already and was not drawn by upslope predict: name another file with --show")
    pipeline = load(run)
    asked = {"top": top, "count": count, "first": first, "seed": seed, "length": length, "temperature": temperature}
    asked |= {"steps": steps, "guidance": guidance}
    options = Options.chosen(pipeline, {name: value for name, value in asked.items() if value is not None})
    _check(pipeline, run, inputs or [], show)
    if out is not None:
        pipeline.takes("out")
    network = pipeline.network
    screen.line((network.name, "bold"), f", trained on {network.learned_from}")
    if network.warning:
        screen.prose(f"{network.warning}.", style="yellow")
    screen.gap()
    done: list[Prediction] = []
    lost: list[UnreadableInput] = []
    remarks: list[Remark] = []
    for found in pipeline.answers(inputs or [], options):
        if isinstance(found, Prediction):
            done.append(found)
            _say(screen, found, options)
        elif isinstance(found, Remark):
            remarks.append(found)
        else:
            lost.append(found)
            typer.echo(f"  {clean(found.reason)}", err=True)
    for remark in remarks:
        screen.prose(_sentence(clean(remark.sentence)), style="yellow")
    if show is not None and done:
        _draw(pipeline, done, show)
        screen.line("Drawn  ", str(show))
    written = _write(pipeline, done, out) if out is not None and done else []
    if written:
        screen.line(f"{plural(len(written) - 1, 'image')} and a sheet of them  ", str(out))
    elif show is None and done and "out" in pipeline.options:
        screen.prose("--out FOLDER writes PNG files, --show FILE.png a sheet of all.", style="dim")
    screen.give(
        {
            "network": network.name,
            "task": pipeline.tag,
            "warning": network.warning or None,
            "answers": [answer.facts(options) | {"notes": list(answer.notes)} for answer in done],
            "unread": [{"path": one.subject, "reason": one.reason} for one in lost],
            "left_out": [{"path": one.subject, "reason": one.sentence} for one in remarks],
            "picture": str(show) if show is not None and done else None,
            "files": [str(path) for path in written],
        }
    )
    if lost and done:
        said = f"{plural(len(lost), pipeline.noun)} could not be read, {len(done)} could."
        screen.prose(said, style="yellow")
    return Exit.MISSING if lost else Exit.DONE


def _check(pipeline: "Pipeline", run: str, inputs: list[str], show: Path | None) -> None:
    if pipeline.needs_input and not inputs:
        example = pipeline.example_for(pipeline.spec)
        raise UsageError(f"{pipeline.network.name} reads {pipeline.noun}s: upslope predict {run} {example}")
    if show is not None and show.suffix.lower() != pipeline.shows:
        kind = _KINDS[pipeline.shows]
        raise UsageError(f"--show writes a {kind} for {pipeline.tag}, and {show} does not end in {pipeline.shows}")


def _say(screen: Screen, answer: "Prediction", options: "Options") -> None:
    """One answer: what it is about, a bar for each share, what was written."""
    if screen.quiet:
        return
    if answer.subject:
        screen.line((clean(answer.subject), "bold"))
    rows: list[list[Piece]] = []
    for number, (name, words, share) in enumerate(answer.rows(options)):
        style = "bold green" if number == 0 and share is not None and not answer.doubt else ""
        bar = "" if share is None else "━" * max(round(_WIDTH * share), 1 if share >= 0.005 else 0)
        rows.append([(name, style), words, (bar, style or "dim")])
    if rows:
        screen.table(("", "", ""), rows, right=(1,))
    if text := answer.text(options):
        for line in text.splitlines():
            screen.line(clean(line))
    for said in (answer.doubt, *answer.notes):
        if said:
            screen.prose(_sentence(said), style="yellow")
    screen.gap()


def _sentence(said: str) -> str:
    return f"{said[:1].upper()}{said[1:]}."


def _draw(pipeline: "Pipeline", done: "list[Prediction]", path: Path) -> None:
    from upslope.runs.files import write_atomically

    drawn = pipeline.draw(done)
    if isinstance(drawn, bytes):
        write_atomically(path, drawn)
        return
    save_figure(drawn, path, by=_OURS)


def _write(pipeline: "Pipeline", done: "list[Prediction]", folder: Path) -> list[Path]:
    """Each image that was made, and all of them on one sheet; nothing at all where a file of somebody else's is."""
    from upslope.runs.files import make_folder

    make_folder(folder)
    sheet = folder / "sheet.png"
    images = {folder / f"{name}.png": pixels for name, pixels in pipeline.images(done)}
    for path in (*images, sheet):
        if not may_be_written(path, by=_OURS):
            raise UsageError(f"{path} exists already and was not drawn by upslope predict: name another folder")
    for path, pixels in images.items():
        save_pixels(pixels, path, by=_OURS)
    _draw(pipeline, done, sheet)
    return [*images, sheet]
