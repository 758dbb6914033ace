"""What every run of an agent says about itself: its learning curve, its returns, what it promised and what came."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from upslope.runs import figures
from upslope.runs.figures import COLOURS, FAINT, INK
from upslope.runs.run import Run

Numbers = NDArray[np.floating]


def learning(run: Run[Any]) -> None:
    """Returns of the episodes that ended while it trained, with exploration in them; loss and mean Q value."""
    panels = {"training returns": ("return",), "loss": ("loss",), "mean Q value": ("q",)}
    run.picture("curves", figures.curves(run.logged(), panels, smooth=20))


def returns(values: Numbers) -> Figure:
    """How often each return came."""
    figure = Figure(figsize=(6.4, 3.2), layout="constrained", facecolor="white")
    axis = figure.subplots()
    axis.hist(values, bins=25, range=(0, max(1.0, float(values.max()) * 1.02)), color=COLOURS[0])
    axis.axvline(float(values.mean()), color=COLOURS[1], linewidth=1.6)
    title = f"{len(values)} episodes: mean {values.mean():.1f}, lowest {values.min():.0f}"
    axis.set_title(title, loc="left", fontsize=10)
    axis.set_xlabel("return")
    axis.set_ylabel("episodes")
    axis.grid(color=FAINT, linewidth=0.6)
    return figure


def promises(promised: Numbers, came: Numbers, values: Numbers, *, gamma: float) -> Figure:
    """Along one episode: Q(s, a) and the discounted return (T,), and by how much the best action leads (T, A)."""
    figure = Figure(figsize=(9.2, 3.4), layout="constrained", facecolor="white")
    left, right = figure.subplots(1, 2)
    left.plot(came, color=INK, linewidth=1.6, label="what came")
    left.plot(promised, color=COLOURS[1], linewidth=1.2, label="what Q promised")
    left.set_title(f"discounted return, gamma = {gamma:g}", loc="left", fontsize=10)
    left.legend(frameon=False, fontsize=8)
    ordered = np.sort(values, axis=1)
    right.plot(ordered[:, -1] - ordered[:, -2], color=COLOURS[0], linewidth=1.0)
    right.set_title("lead of the best action", loc="left", fontsize=10)
    for axis in (left, right):
        axis.set_xlabel("step")
        axis.grid(color=FAINT, linewidth=0.6)
    return figure
