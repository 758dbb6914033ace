"""Pictures of a run, in one hand: curves, confusion, worst mistakes, filters, samples.

Every function returns a matplotlib `Figure` and draws on nothing else: no pyplot, no state between pictures. Colours
are told apart by colour-blind people, too, and each axis says what it shows.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from upslope.runs.metrics import Row, series
from upslope.runs.result import spoken

INK = "#24292f"
FAINT = "#d0d7de"
COLOURS = ("#0b5394", "#d9822b", "#2e7d5b", "#9c4a8b", "#6b7280")
Array = np.ndarray[Any, Any]


def curves(rows: Sequence[Row], panels: Mapping[str, Sequence[str]], *, smooth: int = 0, per_epoch: int = 0) -> Figure:
    """Metrics over training, one panel per title: curves(rows, {"loss": ["train_loss", "validation_loss"]}).

    `smooth` adds a running mean of so many points over a faint raw curve; `per_epoch` counts the axis in epochs.
    """
    figure, axes = _grid(1, len(panels), width=4.6 * len(panels), height=3.2)
    for axis, (title, names) in zip(axes, panels.items(), strict=True):
        for colour, name in zip(COLOURS, names, strict=False):
            steps, values = series(list(rows), name)
            where = np.asarray(steps) / (per_epoch or 1)
            if smooth > 1 and len(values) > 2 * smooth:
                axis.plot(where, values, color=colour, alpha=0.2, linewidth=0.8)
                values = list(np.convolve(values, np.ones(smooth) / smooth, mode="valid"))
                where = where[smooth - 1 :]
            marker = "o" if len(values) <= 12 else ""
            axis.plot(where, values, color=colour, label=spoken(name), linewidth=1.6, marker=marker, markersize=3.5)
        axis.set_title(title, loc="left", fontsize=10)
        axis.set_xlabel("epoch" if per_epoch else "step")
        axis.grid(color=FAINT, linewidth=0.6)
        if "accuracy" in title:
            axis.yaxis.set_major_formatter(PercentFormatter(xmax=1.0, decimals=None))
        axis.legend(frameon=False, fontsize=8)
    return figure


def confusion(matrix: Array, classes: Sequence[str]) -> Figure:
    """Counts of (true class, predicted class). The colour shows mistakes only, or the diagonal would drown them."""
    size = max(4.2, 0.42 * len(classes) + 1.4)
    figure, (axis,) = _grid(1, 1, width=size, height=size)
    mistakes = np.array(matrix)
    np.fill_diagonal(mistakes, 0)
    axis.imshow(mistakes, cmap="Oranges", vmin=0, vmax=max(1, int(mistakes.max())) * 1.4)
    for (row, column), count in np.ndenumerate(matrix):
        if count:
            weight = "bold" if row == column else "normal"
            colour = COLOURS[0] if row == column else INK
            axis.text(column, row, str(count), ha="center", va="center", fontsize=7.5, color=colour, weight=weight)
    axis.set_xticks(range(len(classes)), classes, rotation=45 if max(map(len, classes)) > 3 else 0, ha="center")
    axis.set_yticks(range(len(classes)), classes)
    axis.set_xlabel("predicted")
    axis.set_ylabel("true")
    right = int(np.trace(matrix))
    axis.set_title(f"{int(matrix.sum()) - right} mistakes in {int(matrix.sum())}", loc="left", fontsize=10)
    return figure


def mistakes(images: Array, labels: Array, probabilities: Array, classes: Sequence[str], *, count: int = 24) -> Figure:
    """The samples that were wrong with the greatest confidence: what it was, what was said, how surely."""
    predicted = probabilities.argmax(axis=1)
    wrong = np.flatnonzero(predicted != labels)
    worst = wrong[np.argsort(-probabilities[wrong, predicted[wrong]], kind="stable")][:count]
    titles = [
        f"{classes[labels[i]]}, read as {classes[predicted[i]]}\n{100 * probabilities[i, predicted[i]]:.0f} %"
        for i in worst
    ]
    return _tiles(images[worst], titles, nothing="no mistakes")


def samples(images: Array, labels: Array, classes: Sequence[str], *, columns: int = 10) -> Figure:
    """Images with their classes below one another: what the data looks like."""
    return _tiles(images, [classes[label] for label in labels], columns=columns, nothing="no samples")


def filters(weight: Array, *, title: str = "filters") -> Figure:
    """Convolution filters (C_out, C_in, height, width): blue is negative, red is positive, white is zero."""
    outputs, inputs = weight.shape[:2]
    figure, axes = _grid(inputs, outputs, width=0.62 * outputs + 0.8, height=0.62 * inputs + 0.7)
    limit = float(np.abs(weight).max()) or 1.0
    for number, axis in enumerate(axes):
        axis.imshow(weight[number % outputs, number // outputs], cmap="RdBu_r", vmin=-limit, vmax=limit)
        _bare(axis)
    figure.suptitle(f"{title}: {outputs} filters of {inputs} x {weight.shape[2]} x {weight.shape[3]}", fontsize=9)
    return figure


def _tiles(images: Array, titles: Sequence[str], *, columns: int = 8, nothing: str) -> Figure:
    if not len(images):
        figure, (axis,) = _grid(1, 1, width=3, height=1)
        axis.text(0.5, 0.5, nothing, ha="center", va="center", color=INK)
        _bare(axis)
        return figure
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    tall = 0.35 if any("\n" in title for title in titles) else 0.2
    wide = 1.25 if max(map(len, titles)) > 12 else 0.95
    figure, axes = _grid(rows, columns, width=wide * columns, height=(0.95 + tall) * rows)
    for axis in axes:
        _bare(axis)
    for axis, image, title in zip(axes, images, titles, strict=False):
        axis.imshow(image, cmap="gray_r" if image.ndim == 2 else None, vmin=0, vmax=1, interpolation="nearest")
        axis.set_title(title, fontsize=7, pad=2)
    return figure


def _grid(rows: int, columns: int, *, width: float, height: float) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axis in axes:
        axis.tick_params(labelsize=8, colors=INK, length=2)
        axis.xaxis.label.set_fontsize(8.5)
        axis.yaxis.label.set_fontsize(8.5)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
        for spine in axis.spines.values():
            spine.set_color(FAINT)
    return figure, axes


def _bare(axis: Axes) -> None:
    axis.set_xticks([])
    axis.set_yticks([])
    for spine in axis.spines.values():
        spine.set_visible(False)
