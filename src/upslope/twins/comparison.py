"""What two libraries made of one network: how far its weights moved, how long the losses were equal, both texts."""

import inspect
import textwrap
from collections.abc import Iterable
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import nn

from upslope.runs import figures
from upslope.runs.metrics import Row, series
from upslope.twins import transfer

EQUAL = 1e-4  # losses that differ by no more are one
Weights = dict[str, dict[str, NDArray[np.float32]]]  # side -> PyTorch's names -> numbers


def weights(ours: nn.Module, theirs: Any) -> Weights:
    """What both sides have learned so far, in PyTorch's names."""
    learning = {name: p.detach().numpy().copy() for name, p in ours.named_parameters() if p.requires_grad}
    held = transfer.as_torch(theirs, ours)
    return {"PyTorch": learning, "Keras": {name: held[name] for name in learning}}


def how_far(start: Weights, end: Weights) -> dict[str, float]:
    """By how much each weight changed, as a share of what it was: of the two sides the one that changed less."""
    shares = {
        side: {n: np.linalg.norm(end[side][n] - w) / max(float(np.linalg.norm(w)), 1e-3) for n, w in before.items()}
        for side, before in start.items()
    }
    return {name: float(min(shares["PyTorch"][name], shares["Keras"][name])) for name in shares["PyTorch"]}


def same_steps(rows: list[Row]) -> int:
    """For how many steps from the first one on both sides had the same loss."""
    steps, apart = differences(rows)
    far = np.flatnonzero(apart > EQUAL)
    return int(steps[far[0]]) - 1 if len(far) else len(steps)


def differences(rows: list[Row]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The steps, and by how much the losses of the two sides differ there."""
    steps, losses = series(rows, "loss")
    return np.asarray(steps), np.abs(np.asarray(losses) - np.asarray(series(rows, "keras_loss")[1]))


def parting(rows: list[Row]) -> Figure:
    """How the losses of the two sides come apart, step by step, on logarithmic axes."""
    steps, apart = differences(rows)
    figure = Figure(figsize=(6.4, 3.2), layout="constrained", facecolor="white")
    axis = figure.subplots()
    axis.loglog(steps, np.maximum(apart, 1e-8), color=figures.COLOURS[0], linewidth=1.0)
    axis.axhline(EQUAL, color=figures.COLOURS[1], linewidth=0.8, linestyle="--")
    together = same_steps(rows)
    axis.axvline(max(1, together), color=figures.COLOURS[1], linewidth=0.8)
    axis.set_title(f"the same loss to {EQUAL:g} for {together} of {len(steps)} steps", loc="left", fontsize=10)
    axis.set_xlabel("step", fontsize=8.5)
    axis.tick_params(labelsize=8, colors=figures.INK, length=2)
    axis.grid(color=figures.FAINT, linewidth=0.6)
    return figure


def listings(shown: Iterable[tuple[Any, Any]]) -> dict[str, dict[str, str]]:
    """The program text of both sides, by PyTorch's name."""
    return {ours.__qualname__: {"PyTorch": source(ours), "Keras 3": source(theirs)} for ours, theirs in shown}


def source(of: Any) -> str:
    """The program text of a class or function, without what its surroundings indent it by."""
    try:
        return textwrap.dedent(inspect.getsource(of))
    except (OSError, TypeError):  # put in from a learner's file, where the class is not looked for
        return f"# {of.__qualname__} is yours: it stands in your exercise's file"
