"""What a run of a diffusion model says about itself: samples by class, from noise to image, the price of guidance."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from upslope.runs import figures
from upslope.runs.reports import classification
from upslope.runs.run import Run

Floats = NDArray[np.float32]
PANELS = {
    "mean squared error": ("loss", "validation_loss"),
    "class asked for is read, validation": ("validation_obeyed",),
}


def curves(run: Run[Any], *, per_epoch: int) -> None:
    """The loss in training and that of the averaged weights on validation images; how many samples obey."""
    classification.curves(run, per_epoch=per_epoch, panels=PANELS)


def by_class(run: Run[Any], images: Floats, classes: Sequence[str], *, columns: int = 12) -> None:
    """The first samples (N, H, W), of which number n was asked for class n modulo the number of classes."""
    columns = min(columns, len(images) // len(classes))
    first = images[: columns * len(classes)].reshape(columns, len(classes), *images.shape[1:])
    sheet = figures.sheet(np.swapaxes(first, 0, 1), rows=classes)
    run.picture("samples", sheet, "The first samples of the seed, not chosen; in each row those of one class.")


def film(run: Run[Any], noisy: Floats, seen: Floats, *, classes: Sequence[str], most: int = 11) -> None:
    """x_t above the image that the network sees in it, from noise to image: (N, steps, H, W) each."""
    moments = np.unique(np.linspace(0, noisy.shape[1] - 1, most).round().astype(int))
    rows = np.stack([noisy[:, moments], seen[:, moments]], axis=1).reshape(-1, len(moments), *noisy.shape[2:])
    names = [f"{classes[n % len(classes)]}: {what}" for n in range(len(noisy)) for what in ("x_t", "x_0 seen")]
    sheet = figures.sheet(rows, rows=names, across=f"steps {', '.join(map(str, moments))}")
    run.picture("film", sheet, "From noise to image, and in each moment the clean image that the network sees in it.")


def price(run: Run[Any], strengths: Sequence[float], metrics: Sequence[Mapping[str, float]]) -> None:
    """What guidance buys, samples that obey, and what it costs: coverage of real images, and lost classes."""
    figure = Figure(figsize=(5.2, 3.4), layout="constrained", facecolor="white")
    left = figure.subplots()
    right = left.twinx()
    drawn = (
        (left, "obeyed", "class asked for is read"),
        (left, "image_coverage", "coverage"),
        (right, "lost_classes", "lost classes (right)"),
    )
    lines = [
        axis.plot(strengths, [each[name] for each in metrics], color=colour, marker="o", markersize=3.5, label=label)[0]
        for colour, (axis, name, label) in zip(figures.COLOURS, drawn, strict=False)
    ]
    left.set_ylim(0, 1.02)
    left.yaxis.set_major_formatter(PercentFormatter(xmax=1.0, symbol=" %"))
    right.set_ylim(0, 1.1 * max(each["lost_classes"] for each in metrics))
    left.set_xlabel("guidance")
    left.grid(color=figures.FAINT, linewidth=0.6)
    left.legend(handles=lines, frameon=False, fontsize=8, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)
    caption = (
        "The same noise for each strength. Samples are few, so lost classes and coverage compare among these alone."
    )
    run.picture("guidance", figure, caption)
