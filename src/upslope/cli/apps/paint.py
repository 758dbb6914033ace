"""`upslope app paint`: a picture, a clip or a camera in the manner of a painting, and the rate at which it keeps up."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from upslope.cli.apps.detect import numbers, say_rates
from upslope.cli.terminal.completion import run_names
from upslope.cli.terminal.console import Screen
from upslope.cli.terminal.errors import UsageError
from upslope.cli.terminal.exits import Exit
from upslope.cli.terminal.options import AsJson, Debug

if TYPE_CHECKING:
    from upslope.apps.frames import Frame
    from upslope.ship.pipelines.image_to_image import ImageToImage

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
MOVING = 480  # pixels on the longer side of what moves, unless one says otherwise


def paint(
    run: Annotated[
        str,
        typer.Argument(metavar="RUN", help="A run of paint, its lab, or an exported file.", autocompletion=run_names),
    ],
    source: Annotated[
        str, typer.Argument(metavar="PICTURE|CLIP|camera", help="What is painted; a camera is a number.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="What is written: a picture, or a clip (.mp4).")],
    keep_colors: Annotated[bool, typer.Option("--keep-colors", help="Paint brightness only; colors stay.")] = False,
    other: Annotated[str, typer.Option("--with", metavar="RUN", help="A second style.", autocompletion=run_names)] = "",
    share: Annotated[float, typer.Option("--share", help="What the second style counts, from 0 to 1.")] = 0.5,
    longest: Annotated[
        int | None,
        typer.Option("--longest", metavar="PIXELS", help=f"The longer side at most; of clips {MOVING} if not said."),
    ] = None,
    frames: Annotated[int | None, typer.Option("--frames", metavar="N", help="Stop after so many.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> int:
    """Paint a picture, a clip or what a camera sees. A folder of pictures: upslope predict RUN FOLDER --out FOLDER."""
    from PIL import Image

    from upslope.apps.frames import Clip, NoFrames, opened
    from upslope.apps.paint import Manner
    from upslope.apps.paint import paint as work

    screen = Screen()
    moving = out.suffix.lower() == ".mp4"
    if not moving and out.suffix.lower() not in PICTURES:
        raise UsageError(f"--out writes a picture ({', '.join(PICTURES)}) or a clip (.mp4), and {out} ends in neither")
    if out.exists() and not force:
        raise UsageError(f"{out} exists already: --force overwrites it, --out names another file")
    if not 0 <= share <= 1:
        raise UsageError(f"--share is a number from 0 to 1, not {share:g}")
    if frames is not None and frames < 1:
        raise UsageError(f"--frames is at least 1, not {frames}")
    if longest is not None and longest < 5:
        raise UsageError(f"--longest is at least 5 pixels, not {longest}")
    source = "0" if source == "camera" else source
    if not moving and (source.isdigit() or Path(source).is_dir()):
        raise UsageError(f"{source} gives many pictures: --out names a clip (.mp4)")
    first, second = _painter(run), _painter(other) if other else None
    side = longest if longest is not None else MOVING * moving
    manner = Manner(first, second, share=share, keep_colors=keep_colors, longest=side)

    def save(frame: "Frame") -> None:
        Image.fromarray(frame).save(out)

    with opened(source) as footage:
        clip = Clip(out, footage.rate) if moving else None
        screen.line((footage.name, "bold"), f", {first.network.name}", f" and {second.network.name}" if second else "")
        rates = work(manner, footage, clip=clip, each=None if moving else save, most=frames if moving else 1)
        if not rates.frames:
            raise NoFrames(f"{footage.name} holds no frame that can be read")
    say_rates(screen, rates)
    screen.line("Written  ", str(out))
    screen.give({"source": source, "written": str(out), **numbers(rates)})
    return Exit.DONE


def _painter(run: str) -> "ImageToImage":
    from upslope.ship.pipelines.image_to_image import ImageToImage
    from upslope.ship.predictor import load

    pipeline = load(run)
    if not isinstance(pipeline, ImageToImage):
        raise UsageError(
            f"{pipeline.network.name} was trained for {pipeline.tag}, and this app paints: upslope lab paint"
        )
    return pipeline
