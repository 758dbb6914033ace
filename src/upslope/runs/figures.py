"""Figures of a run, in one style: curves, confusion, worst mistakes, filters, samples.

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
from upslope.runs.result import metric_label

INK = "#24292f"
FAINT = "#d0d7de"
COLOURS = ("#0b5394", "#d9822b", "#2e7d5b", "#9c4a8b", "#6b7280")
Array = np.ndarray[Any, Any]


def over_table(rows: Sequence[Sequence[str]], head: Sequence[str]) -> tuple[Figure, Axes]:
    """A figure with this table in its lower part, and the axes above it, on which the caller draws."""
    figure = Figure(figsize=(8.2, 4.4 + 0.3 * len(rows)), layout="constrained", facecolor="white")
    above, below = figure.subplots(2, 1, height_ratios=[3.4, 0.32 * (len(rows) + 1)])
    above.set_xscale("log")
    above.grid(color=FAINT, linewidth=0.6)
    below.axis("off")
    table = below.table([*rows], colLabels=[*head], loc="center", cellLoc="right", edges="horizontal")
    table.auto_set_font_size(False)
    table.set_fontsize(8)
    table.scale(1, 1.3)
    return figure, above


def curves(rows: Sequence[Row], panels: Mapping[str, Sequence[str]], *, smooth: int = 0, per_epoch: int = 0) -> Figure:
    """Metrics over training, one panel per title: curves(rows, {"loss": ["train_loss", "validation_loss"]}).

    `per_epoch` counts the axis in epochs. `smooth` draws a running mean of so many points over the faint raw curve of
    metrics that are logged several times an epoch; one value an epoch is shown as it is.
    """
    figure, axes = _grid(1, len(panels), width=4.6 * len(panels), height=3.2)
    for axis, (title, names) in zip(axes, panels.items(), strict=True):
        for colour, name in zip(COLOURS, names, strict=False):
            steps, values = series(list(rows), name)
            if not steps:  # a training too short for it
                continue
            where = np.asarray(steps) / (per_epoch or 1)
            often = not per_epoch or len(values) > 2 * steps[-1] / per_epoch
            if smooth > 1 and often and len(values) > 2 * smooth:
                axis.plot(where, values, color=colour, alpha=0.2, linewidth=0.8)
                values = list(np.convolve(values, np.ones(smooth) / smooth, mode="valid"))
                where = where[smooth - 1 :]
            marker = "o" if len(values) <= 12 else ""
            axis.plot(
                where, values, color=colour, label=metric_label(name), linewidth=1.6, marker=marker, markersize=3.5
            )
        axis.set_title(title, loc="left", fontsize=10)
        axis.set_xlabel("epoch" if per_epoch else "step")
        axis.grid(color=FAINT, linewidth=0.6)
        if "accuracy" in title:
            axis.yaxis.set_major_formatter(PercentFormatter(xmax=1.0, symbol=" %"))
        if len(names) > 1:
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


def mistakes(
    images: Array, labels: Array, probabilities: Array, classes: Sequence[str], *, rows: Sequence[int] | Array
) -> Figure:
    """Samples that were wrong: what each was, what was said, how surely."""
    predicted = probabilities.argmax(axis=1)
    titles = [
        f"{classes[labels[i]]}, read as {classes[predicted[i]]}\n{100 * probabilities[i, predicted[i]]:.0f} %"
        for i in rows
    ]
    return _tiles(images[rows], titles, nothing="no mistakes")


def samples(images: Array, labels: Array, classes: Sequence[str], *, columns: int = 10) -> Figure:
    """Images with their classes below one another: what the data looks like."""
    return _tiles(images, [classes[label] for label in labels], columns=columns, nothing="no samples")


def titled(images: Array, titles: Sequence[str], *, nothing: str) -> Figure:
    """Images under titles of one or several lines; `nothing` is said where there are none."""
    return _tiles(images, titles, nothing=nothing)


def sheet(images: Array, *, rows: Sequence[str] = (), across: str = "", down: str = "") -> Figure:
    """Images (rows, columns, H, W) in [0, 1] side by side; what each row shows, or the direction of both axes."""
    count, columns = images.shape[:2]
    side = 0.62
    figure, (axis,) = _grid(1, 1, width=side * columns + (1.4 if rows else 0.4), height=side * count + 0.4)
    _mosaic(
        axis, list(images.reshape(-1, *images.shape[2:])), columns=columns, gap=0.06, colours="gray_r", low=0, high=1
    )
    height = images.shape[2]
    if rows:
        axis.set_yticks([(number * 1.06 + 0.5) * height for number in range(count)], rows, fontsize=8)
        axis.tick_params(length=0)
    axis.set_xlabel(across)
    axis.set_ylabel(down)
    return figure


def filters(weight: Array, *, title: str = "filters") -> Figure:
    """Convolution filters (C_out, C_in, height, width): blue is negative, red is positive, white is zero."""
    outputs, inputs, height, width = weight.shape
    columns = min(outputs, 16)
    rows = -(-outputs // columns) * inputs
    figure, (axis,) = _grid(1, 1, width=0.62 * columns + 0.4, height=0.62 * rows + 0.5)
    # An output's filters, one per input, stand below one another; outputs go to the right, and on in the next block.
    places = [
        (start + number, channel)
        for start in range(0, outputs, columns)
        for channel in range(inputs)
        for number in range(columns)
    ]
    tiles = [weight[place] if place[0] < outputs else None for place in places]
    limit = float(np.abs(weight).max()) or 1.0
    _mosaic(axis, tiles, columns=columns, gap=0.15, colours="RdBu_r", low=-limit, high=limit)
    axis.set_title(f"{title}: {outputs} filters of {inputs} x {height} x {width}", fontsize=9)
    return figure


def attention_maps(images: Array, weights: Array, titles: Sequence[str]) -> Figure:
    """Where a network looks: below each of the images (N, H, W) its weights (N, h, w), the largest darkest."""
    columns = len(images)
    figure, axes = _grid(2, 1, width=1.15 * columns + 0.2, height=2.7)
    corners = _mosaic(axes[0], list(images), columns=columns, gap=0.25, colours="gray_r", low=0.0, high=1.0)
    for (x, y), title in zip(corners, titles, strict=True):
        axes[0].text(x, y, title, ha="center", va="bottom", fontsize=7, color=INK)
    scaled = weights / weights.max(axis=(1, 2), keepdims=True)
    _mosaic(axes[1], list(scaled), columns=columns, gap=0.25, colours="Blues", low=0.0, high=1.0)
    return figure


def bars(shares: Mapping[str, Mapping[str, float]], *, low: float = 0.0) -> Figure:
    """Shares side by side, {"ours": {"kind": 0.9}}: a group of bars for each kind, a bar for each who is compared."""
    kinds = list(next(iter(shares.values())))
    figure, (axis,) = _grid(1, 1, width=6.4, height=0.22 * len(kinds) * (len(shares) + 1) + 0.8)
    for number, (name, values) in enumerate(shares.items()):
        where = np.arange(len(kinds)) + (number - (len(shares) - 1) / 2) * 0.8 / len(shares)
        lengths = [values[kind] for kind in kinds]
        axis.barh(where, lengths, height=0.74 / len(shares), color=COLOURS[number % len(COLOURS)], label=name)
        for place, value in zip(where, lengths, strict=True):
            axis.text(max(value, low), place, f" {100 * value:.1f}", va="center", fontsize=7, color=INK)
    axis.set_yticks(range(len(kinds)), kinds)
    axis.invert_yaxis()
    axis.set_xlim(low, 1.0 + 0.08 * (1 - low))
    axis.xaxis.set_major_locator(MaxNLocator(nbins=6))
    axis.xaxis.set_major_formatter(PercentFormatter(xmax=1.0, symbol=" %", decimals=0))
    if len(shares) > 1:
        axis.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(0, -0.12), ncols=len(shares))
    return figure


def _tiles(images: Array, titles: Sequence[str], *, columns: int = 8, nothing: str) -> Figure:
    if not len(images):
        figure, (axis,) = _grid(1, 1, width=3, height=1)
        axis.text(0.5, 0.5, nothing, ha="center", va="center", color=INK)
        _bare(axis)
        return figure
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    lines = 1 + max(title.count("\n") for title in titles)
    gap = 0.25 if lines == 1 else 0.42 + 0.18 * (lines - 2)
    size = 1.0 if max(map(len, titles)) > 12 else 0.8
    figure, (axis,) = _grid(1, 1, width=size * columns * (1 + gap) + 0.2, height=size * rows * (1 + gap) + 0.3)
    corners = _mosaic(axis, list(images), columns=columns, gap=gap, colours="gray_r", low=0.0, high=1.0)
    for (x, y), title in zip(corners, titles, strict=True):
        axis.text(x, y, title, ha="center", va="bottom", fontsize=7, color=INK)
    return figure


def _mosaic(
    axis: Axes, tiles: Sequence[Array | None], *, columns: int, gap: float, colours: str, low: float, high: float
) -> list[tuple[float, float]]:
    """Draw many small images of one size, grey or in colour, as one; returns the middle of each one's upper edge."""
    height, width = next(tile.shape[:2] for tile in tiles if tile is not None)
    corners = []
    for number, tile in enumerate(tiles):
        if tile is None:
            continue
        row, column = divmod(number, columns)
        left, top = column * width * (1 + gap), row * height * (1 + gap)
        axis.imshow(
            tile / 255 if tile.dtype == np.uint8 else tile,
            cmap=colours,
            vmin=low,
            vmax=high,
            interpolation="nearest",
            extent=(left, left + width, top + height, top),
        )
        corners.append((left + width / 2, top - 0.04 * height))
    rows = -(-len(tiles) // columns)
    axis.set_xlim(-0.1 * width, columns * width * (1 + gap))
    axis.set_ylim(rows * height * (1 + gap) - gap * height, -gap * height)
    _bare(axis)
    return corners


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
