"""What a run of a language model says about itself: curves, the loss of each character of a passage, a text."""

import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from upslope.runs.figures import INK

COLUMNS = 60  # characters in a line of a figure


def passage(text: str, losses: NDArray[np.float64], *, most: float = 6.0) -> Figure:
    """A text, each character on a ground that is the darker the higher its loss in nats; `most` is the darkest.

    A line break is shown as a sign at the end of its line.
    """
    places = _places(text)
    rows = places[-1][0] + 1 if places else 1
    figure = Figure(figsize=(9.0, 0.26 * rows + 0.7), layout="constrained", facecolor="white")
    axis = figure.subplots()
    ground = np.full((rows, COLUMNS + 1), np.nan)
    for (row, column), loss in zip(places, losses, strict=True):
        ground[row, column] = loss
    shown = axis.imshow(ground, cmap="Oranges", vmin=0, vmax=most * 1.4, aspect="auto")
    shown.set_clim(0, most * 1.4)
    for (row, column), character in zip(places, text, strict=True):
        glyph = "¶" if character == "\n" else character
        axis.text(
            column, row, glyph, ha="center", va="center", fontsize=8, family="monospace", color=INK, parse_math=False
        )
    axis.set_axis_off()
    figure.colorbar(shown, ax=axis, label="loss (nats)", boundaries=np.linspace(0, most, 61), ticks=[0, 2, 4, 6])
    return figure


def written(text: str) -> Figure:
    """A text that a model wrote, as it is; long lines are broken."""
    lines = [part for line in text.splitlines() for part in textwrap.wrap(line, 90) or [""]]
    figure = Figure(figsize=(7.5, 0.19 * len(lines) + 0.4), facecolor="white")
    figure.text(0.03, 0.97, "\n".join(lines), va="top", fontsize=8, family="monospace", color=INK, parse_math=False)
    return figure


def _places(text: str) -> Sequence[tuple[int, int]]:
    """Row and column of each character, with lines broken where they are too long."""
    found, row, column = [], 0, 0
    for character in text:
        found.append((row, column))
        column += 1
        if character == "\n" or column == COLUMNS:
            row, column = row + 1, 0
    return found
