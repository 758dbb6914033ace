"""What a run over sequences says about itself: how far back its gradient reaches, numbers said and true, tags."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from upslope.runs.figures import COLOURS, FAINT, INK

LEAST = 1e-12  # below it a gradient is drawn at the edge


def reach(curves: Mapping[str, NDArray[np.float64]]) -> Figure:
    """The gradient of the last state against the distance to the input, each curve as a share of its first value."""
    figure = Figure(figsize=(7.2, 4.0), layout="constrained", facecolor="white")
    axis = figure.subplots()
    for colour, (name, norms) in zip(COLOURS, curves.items(), strict=False):
        dashed = "--" if "trained" in name else "-"
        axis.semilogy(np.maximum(norms / norms[0], LEAST), dashed, color=colour, linewidth=1.6, label=name)
    axis.set_xlabel("distance from the end, in steps")
    axis.set_ylabel("gradient, as a share of the last step's")
    axis.grid(color=FAINT, linewidth=0.6)
    axis.legend(frameon=False, fontsize=8)
    return figure


def said_and_true(said: NDArray[np.floating], true: NDArray[np.floating], name: str) -> Figure:
    """A point for each sample; on the diagonal both are equal."""
    figure = Figure(figsize=(4.2, 4.0), layout="constrained", facecolor="white")
    axis = figure.subplots()
    low, high = float(min(said.min(), true.min())), float(max(said.max(), true.max()))
    axis.plot([low, high], [low, high], color=INK, linewidth=0.8)
    axis.scatter(true, said, s=6, alpha=0.4, color=COLOURS[0], linewidths=0)
    axis.set_xlabel(f"{name}, true")
    axis.set_ylabel(f"{name}, said")
    axis.grid(color=FAINT, linewidth=0.6)
    return figure


def tagged(words: Sequence[str], said: Sequence[str], true: Sequence[str], *, count: int = 120) -> Figure:
    """The first words of a text, eight a line, each above its tag; where that is wrong the true one stands below."""
    words = words[:count]
    across = 8
    down = -(-len(words) // across)
    figure = Figure(figsize=(9.0, 0.52 * down + 0.3), facecolor="white")
    axis = figure.add_axes((0, 0, 1, 1))
    axis.set_axis_off()
    axis.set_xlim(0, across)
    axis.set_ylim(down, 0)
    for number, word in enumerate(words):
        x, y = number % across + 0.08, number // across
        wrong = said[number] != true[number]
        tag = f"{said[number]} (is {true[number]})" if wrong else said[number]
        axis.text(x, y + 0.45, word[:16], fontsize=9, color=INK, parse_math=False)
        axis.text(x, y + 0.85, tag, fontsize=7, color=COLOURS[1] if wrong else COLOURS[0], parse_math=False)
    return figure
