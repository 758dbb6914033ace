"""`upslope app medical`: what a segmenting network marks in a picture, and where it is unsure."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from upslope.cli.terminal.completion import run_names
from upslope.cli.terminal.console import Piece, Screen
from upslope.cli.terminal.errors import UsageError
from upslope.cli.terminal.exits import Exit
from upslope.cli.terminal.options import AsJson, Debug
from upslope.cli.terminal.own_pictures import may_be_written, save_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from upslope.apps.medical import Finding, Map
    from upslope.ship.pipelines.image_segmentation import ImageSegmentation

_OURS = "upslope app medical"  # in the file, so that it is known again


def medical(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN", help="A run that segments, its lab, or an exported file.", autocompletion=run_names
        ),
    ],
    picture: Annotated[Path, typer.Argument(metavar="PICTURE", help="A picture of any size.")],
    truth: Annotated[
        Path | None,
        typer.Option(
            "--truth", metavar="FILE", help="A mask to compare with: classes as numbers, or two levels of grey."
        ),
    ] = None,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The PNG picture that is drawn.")] = Path(
        "medical.png"
    ),
    as_json: AsJson = False,
    debug: Debug = False,
) -> int:
    """Mark, measure and count in a medical picture, and point at where to look first. Not a medical device."""
    from upslope.apps.medical import NOTICE, examine
    from upslope.data.loading.masks import read_mask
    from upslope.image.read import UnreadablePicture, read_picture
    from upslope.runs.workspace import short

    screen = Screen()
    if out.suffix.lower() != ".png":
        raise UsageError(f"--out writes a PNG picture, and {out} does not end in .png")
    if not may_be_written(out, by=_OURS):
        raise UsageError(f"{out} exists already and was not drawn by {_OURS}: name another file with --out")
    pipeline = _segmenter(run)
    pixels = pipeline.pixels(read_picture(picture))
    try:
        given = read_mask(truth, classes=len(pipeline.spec.classes)) if truth is not None else None
    except UnreadablePicture as problem:
        raise UsageError(str(problem)) from None
    if given is not None and given.shape != pixels.shape[1:]:
        sizes = " and ".join(f"{size[-1]} x {size[-2]}" for size in (given.shape, pixels.shape))
        raise UsageError(f"the mask and the picture must have the same size; they have {sizes} pixels")
    finding = examine(pipeline, pixels, truth=given)
    save_figure(_drawn(finding, pixels, NOTICE), out, by=_OURS)
    screen.line((short(picture), "bold"), f", {pipeline.network.name}, looked at in eight positions")
    total = finding.mask.size
    rows: list[list[Piece]] = [
        [name, f"{100 * area / total:.1f} %", str(finding.counts.get(name, ""))] for name, area in finding.areas.items()
    ]
    screen.table(("class", "area", "pieces"), rows, right=(1, 2))
    first = finding.spots[0]
    screen.prose(f"Look here first: {first.side} x {first.side} pixels from ({first.left}, {first.top}) on.")
    if finding.judged:
        names = {"dice": "Dice", "uncertainty_auc": "AUC of the uncertainty", "calibration_error": "calibration error"}
        screen.prose(", ".join(f"{names[name]} {value:.3f}" for name, value in finding.judged.items()) + ".")
    screen.line("Drawn  ", str(out))
    screen.prose(NOTICE, style="yellow")
    screen.give(
        {
            "picture": str(picture),
            "network": pipeline.network.name,
            "areas": finding.areas,
            "counts": finding.counts,
            "look_here": [vars(spot) for spot in finding.spots],
            "judged": {name: round(value, 6) for name, value in finding.judged.items()},
            "drawn": str(out),
            "notice": NOTICE,
        }
    )
    return Exit.DONE


def _segmenter(run: str) -> "ImageSegmentation":
    from upslope.ship.pipelines.image_segmentation import ImageSegmentation
    from upslope.ship.predictor import load

    pipeline = load(run)
    if not isinstance(pipeline, ImageSegmentation):
        raise UsageError(
            f"{pipeline.network.name} was trained for {pipeline.tag}, and this app marks pixels: upslope lab segment"
        )
    return pipeline


def _drawn(finding: "Finding", pixels: "Map", notice: str) -> "Figure":
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    from upslope.runs.reports.segmentation import over_picture

    figure = Figure(figsize=(12, 4.6), layout="constrained", facecolor="white")
    left, middle, right = figure.subplots(1, 3)
    picture = pixels.transpose(1, 2, 0)
    shown = picture[..., 0] if picture.shape[2] == 1 else picture
    left.imshow(shown, cmap="gray", vmin=0, vmax=1)
    over_picture(middle, shown, finding.mask, finding.classes)
    right.imshow(finding.uncertainty, cmap="magma", vmin=0, vmax=1)
    for number, spot in enumerate(finding.spots):
        box = Rectangle((spot.left, spot.top), spot.side, spot.side, fill=False, edgecolor="#3ad0ff", linewidth=1.5)
        right.add_patch(box)
        right.text(spot.left + 3, spot.top + 3, str(number + 1), color="#3ad0ff", fontsize=9, va="top")
    counts = ", ".join(f"{count} pieces of {name}" for name, count in finding.counts.items())
    for axis, title in zip((left, middle, right), ("picture", counts, "uncertainty: look here first"), strict=True):
        axis.set_title(title, fontsize=10, parse_math=False)
        axis.set_axis_off()
    figure.suptitle(notice, fontsize=8, color="#8a5206", y=0.02, va="bottom")
    return figure
