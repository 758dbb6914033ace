"""`upslope app detect`: boxes on a clip, a folder, a camera or a stream, and the rate at which it keeps up."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from upslope.cli.terminal.completion import run_names
from upslope.cli.terminal.console import Piece, Screen
from upslope.cli.terminal.errors import UsageError
from upslope.cli.terminal.exits import Exit
from upslope.cli.terminal.format import plural
from upslope.cli.terminal.options import AsJson, Debug

if TYPE_CHECKING:
    from upslope.apps.detect import Rates
    from upslope.image.detections import Found
    from upslope.ship.pipelines.object_detection import ObjectDetection


def detect(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN", help="A run that detects, its lab, or an exported file.", autocompletion=run_names
        ),
    ],
    source: Annotated[
        str, typer.Option("--source", metavar="WHAT", help="A clip, a folder of pictures, a camera (0), rtsp://...")
    ] = "0",
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="The annotated clip that is written (.mp4).")
    ] = None,
    frames: Annotated[int | None, typer.Option("--frames", metavar="N", help="Stop after so many.")] = None,
    browser: Annotated[
        bool, typer.Option("--browser", help="Serve a page that does it all in the browser, with its camera.")
    ] = False,
    port: Annotated[int, typer.Option("--port", help="Of the page, or the next one that is free.")] = 8660,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> int:
    """Find things in moving pictures, as fast as they come. With --json a line for each frame, then the rates."""
    from upslope.apps.detect import detect as look
    from upslope.apps.frames import Clip, NoFrames, opened

    screen = Screen()
    if frames is not None and frames < 1:
        raise UsageError(f"--frames is at least 1, not {frames}")
    if out is not None and out.suffix.lower() != ".mp4":
        raise UsageError(f"--out writes an MP4 clip, and {out} does not end in .mp4")
    if out is not None and out.exists() and not force:
        raise UsageError(f"{out} exists already: --force overwrites it, --out names another file")
    pipeline = _detector(run)
    if browser:
        return _serve(screen, pipeline, Path(run).expanduser(), port)
    if pipeline.network.warning:
        screen.prose(f"{pipeline.network.warning}.", style="yellow")

    def say(number: int, found: "Found") -> None:
        each = zip(found.boxes, found.scores, found.classes, strict=True)
        boxes = [
            {
                "class": pipeline.spec.classes[int(k)],
                "score": round(float(s), 4),
                "box": [round(float(v), 1) for v in b],
            }
            for b, s, k in each
        ]
        typer.echo(json.dumps({"frame": number, "boxes": boxes}))

    with opened(source) as footage:
        clip = Clip(out, footage.rate) if out is not None else None
        screen.line((footage.name, "bold"), f", {pipeline.network.name}")
        rates = look(pipeline, footage, clip=clip, say=say if as_json else None, most=frames)
        if not rates.frames:
            raise NoFrames(f"{footage.name} holds no frame that can be read")
        if footage.live and rates.to_the_end:
            screen.prose(f"{footage.name} gives no more pictures: is it still there?", style="yellow")
        cut = rates.to_the_end and footage.announced > rates.frames
        if cut:
            screen.prose(
                f"{footage.name} breaks off after {rates.frames} of {plural(footage.announced, 'frame')}.",
                style="yellow",
            )
    say_rates(screen, rates)
    if out is not None:
        screen.line("Written  ", str(out))
    screen.give({"source": source, "clip": str(out) if out else None, "cut_off": bool(cut), **numbers(rates)})
    return Exit.DONE


def _serve(screen: Screen, pipeline: "ObjectDetection", given: Path, port: int) -> int:
    """The page, until Ctrl-C. What is no ONNX file is written as one first."""
    from tempfile import TemporaryDirectory

    from upslope.apps.camera_server import Server
    from upslope.apps.onnxruntime_web import found
    from upslope.ship import formats

    found()
    with TemporaryDirectory(prefix="upslope-detect-") as folder:
        model = given if given.suffix == ".onnx" and given.is_file() else Path(folder, "model.onnx")
        if model != given:
            if pipeline.network.module is None:
                raise UsageError(f"{given.name} cannot be written as ONNX: name the run that it was exported from")
            screen.line("writing it for the browser")
            formats.write_onnx(pipeline.network.module, pipeline.spec, model)
        server = Server(pipeline, model, port=port)
        screen.give({"address": server.address, "model": pipeline.network.name})
        screen.line((pipeline.network.name, "bold"), "  looks through your camera, in your browser, at")
        screen.line((server.address, "bold cyan"))
        screen.line(("Ctrl-C ends it", "dim"))
        sys.stdout.flush()
        try:
            server.run()
        except KeyboardInterrupt:  # how one ends it
            screen.gap()
    return Exit.DONE


def _detector(run: str) -> "ObjectDetection":
    from upslope.ship.pipelines.object_detection import ObjectDetection
    from upslope.ship.predictor import load

    pipeline = load(run)
    if not isinstance(pipeline, ObjectDetection):
        raise UsageError(
            f"{pipeline.network.name} was trained for {pipeline.tag}, and this app draws boxes: upslope lab detect"
        )
    return pipeline


def say_rates(screen: Screen, rates: "Rates") -> None:
    """Frames a second, and a line for each stage; the slowest is bold."""
    dropped = f", {plural(rates.dropped, 'frame')} passed by meanwhile" if rates.dropped else ""
    screen.line(
        (f"{rates.per_second:.1f} frames a second", "bold"),
        f"   {plural(rates.frames, 'frame')} in {rates.seconds:.1f} s{dropped}",
    )
    rows: list[list[Piece]] = []
    for name, times in rates.stages.items():
        if times:
            middle, late = (f"{rates.milliseconds(name, share):.1f} ms" for share in (0.5, 0.95))
            rows.append([(name, "bold" if name == rates.slowest else ""), middle, late])
    screen.table(("stage", "median", "p95"), rows, right=(1, 2))


def numbers(rates: "Rates") -> dict[str, object]:
    """The same in JSON's words."""
    return {
        "frames": rates.frames,
        "dropped": rates.dropped,
        "seconds": round(rates.seconds, 3),
        "frames_per_second": round(rates.per_second, 2),
        "milliseconds": {
            name: {
                "median": round(rates.milliseconds(name, 0.5), 2),
                "p95": round(rates.milliseconds(name, 0.95), 2),
            }
            for name, times in rates.stages.items()
            if times
        },
        "slowest": rates.slowest,
    }
