"""What a run of a text-to-image model says about itself: pictures under their prompts, and those that do not obey."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from upslope.runs import figures
from upslope.runs.reports import classification
from upslope.runs.run import Run

Floats = NDArray[np.float32]  # (N, H, W, 3), in [0, 1]
PANELS = {
    "mean squared error": ("loss", "validation_loss"),
    "what was asked for is read, validation": ("validation_obeyed", "validation_things", "validation_colors"),
}


def curves(run: Run[Any], *, per_epoch: int) -> None:
    """The loss in training and that of the averaged weights on validation pictures; how many samples obey."""
    classification.curves(run, per_epoch=per_epoch, panels=PANELS)


def samples(run: Run[Any], pictures: Floats, prompts: Sequence[str], *, most: int = 40) -> None:
    """The first samples under their prompts."""
    titles = [_in_lines(prompt) for prompt in prompts[:most]]
    drawn = figures.titled(pictures[:most], titles, nothing="no samples")
    run.picture("samples", drawn, "The first samples of the seed, not chosen, under their prompts.")


def mistakes(
    run: Run[Any],
    pictures: Floats,
    prompts: Sequence[str],
    read: Sequence[str],
    *,
    wrong: NDArray[np.int64],
    most: int = 32,
) -> None:
    """Samples in which the reader sees something else than was asked for, and what it sees."""
    titles = [f"{_in_lines(prompts[n])}\nread: {read[n]}" for n in wrong[:most]]
    drawn = figures.titled(pictures[wrong[:most]], titles, nothing="no mistakes")
    run.picture("mistakes", drawn, "Samples that do not show all that was asked for, and what the reader sees in them.")


def price(run: Run[Any], strengths: Sequence[float], metrics: Sequence[Mapping[str, float]]) -> None:
    """What guidance buys, pictures that obey, and what it costs, how far they lie from real ones."""
    figure = Figure(figsize=(5.2, 3.4), layout="constrained", facecolor="white")
    left = figure.subplots()
    right = left.twinx()
    drawn = (
        (left, "obeyed", "all that was asked for is read"),
        (right, "frechet_distance", "Fréchet distance (right)"),
    )
    lines = [
        axis.plot(strengths, [each[name] for each in metrics], color=colour, marker="o", markersize=3.5, label=label)[0]
        for colour, (axis, name, label) in zip(figures.COLOURS, drawn, strict=False)
    ]
    left.set_ylim(0, 1.02)
    left.yaxis.set_major_formatter(PercentFormatter(xmax=1.0, symbol=" %"))
    right.set_ylim(bottom=0)
    left.set_xlabel("guidance")
    left.grid(color=figures.FAINT, linewidth=0.6)
    left.legend(handles=lines, frameon=False, fontsize=8, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    run.picture("guidance", figure, "The same noise for each strength. Pictures are few: compare these distances only.")


def _in_lines(prompt: str) -> str:
    """A prompt of two things on two lines."""
    return prompt.replace(" left of ", "\nleft of ")
