"""What every run of a classifier says about itself: accuracy, curves, the confusion matrix, the worst mistakes."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from upslope.runs import figures
from upslope.runs.run import Run

Probabilities = NDArray[np.float32]  # (N, classes)
MISTAKES = 24  # that are drawn
PANELS = {"training loss": ("loss",), "validation accuracy": ("validation_accuracy",)}


def accuracy(probabilities: Probabilities, labels: NDArray[np.int64]) -> float:
    """The share of samples whose most probable class is right."""
    return float((probabilities.argmax(axis=1) == labels).mean())


def worst(probabilities: Probabilities, labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """The rows that were wrong, the most confident one first."""
    predicted = probabilities.argmax(axis=1)
    wrong = np.flatnonzero(predicted != labels)
    return wrong[np.argsort(-probabilities[wrong, predicted[wrong]], kind="stable")]


def confusion(probabilities: Probabilities, labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """How often each true class (row) was taken for each class (column)."""
    classes = probabilities.shape[1]
    counts = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(counts, (labels, probabilities.argmax(axis=1)), 1)
    return counts


def curves(run: Run[Any], *, per_epoch: int, panels: Mapping[str, Sequence[str]] = PANELS, smooth: int = 10) -> None:
    """The loss of the steps and the accuracy after each epoch; nothing where a method learned without steps."""
    logged = {name for row in run.logged() for name in row}
    there = {title: names for title, names in panels.items() if any(name in logged for name in names)}
    if there:
        run.picture("curves", figures.curves(run.logged(), there, smooth=smooth, per_epoch=per_epoch))


def mistakes(
    run: Run[Any],
    probabilities: Probabilities,
    labels: NDArray[np.int64],
    classes: tuple[str, ...],
    *,
    images: NDArray[np.float32] | None = None,
    by: str = "",
) -> None:
    """Which classes are taken for which; of images (N, H, W) also the worst mistakes. `by` names who predicted."""
    table = figures.confusion(confusion(probabilities, labels), classes)
    run.picture("confusion", table, f"Test set: true class and predicted class{by}.")
    if images is not None:
        drawn = figures.mistakes(images, labels, probabilities, classes, rows=worst(probabilities, labels)[:MISTAKES])
        run.picture("mistakes", drawn, f"Wrong with the greatest confidence{by}.")
