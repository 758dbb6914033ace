"""What a run says about its heads of attention: how much each one does of a named kind, and tables of weights."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from upslope.runs.figures import COLOURS, INK


def head_scores(scores: Mapping[str, NDArray[np.float32]]) -> Figure:
    """A table (layers, heads) of shares in [0, 1] for each kind, side by side."""
    figure = Figure(figsize=(3.4 * len(scores), 2.6), layout="constrained", facecolor="white")
    for axis, (name, table) in zip(figure.subplots(1, len(scores), squeeze=False)[0], scores.items(), strict=True):
        axis.imshow(table, cmap="Blues", vmin=0, vmax=1.4, aspect="auto")
        for (layer, head), share in np.ndenumerate(table):
            axis.text(head, layer, f"{share:.2f}", ha="center", va="center", fontsize=9, color=INK)
        axis.set_xticks(range(table.shape[1]), [str(n + 1) for n in range(table.shape[1])])
        axis.set_yticks(range(table.shape[0]), [str(n + 1) for n in range(table.shape[0])])
        axis.set_title(name, loc="left", fontsize=10)
        axis.set_xlabel("head")
        axis.set_ylabel("layer")
    return figure


def tables(
    weights: Mapping[str, NDArray[np.float32]],
    tokens: Sequence[str],
    *,
    framed: Sequence[Sequence[tuple[int, int]]],
) -> Figure:
    """Tables of attention (T, T) over the same tokens, each with its title; for each, places (row, column) framed."""
    side = max(3.6, 0.17 * len(tokens) + 0.8)
    figure = Figure(figsize=(side * len(weights), side), layout="constrained", facecolor="white")
    axes = figure.subplots(1, len(weights), squeeze=False)[0]
    for axis, (name, table), places in zip(axes, weights.items(), framed, strict=True):
        axis.imshow(table, cmap="Blues", vmin=0, vmax=1)
        for row, column in places:
            edge = Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor=COLOURS[1], linewidth=1.2)
            axis.add_patch(edge)
        for ticks in (axis.set_xticks, axis.set_yticks):
            ticks(range(len(tokens)), tokens, fontsize=7, family="monospace", parse_math=False)
        axis.set_title(name, loc="left", fontsize=10)
    return figure
