"""Arithmetic with latents: the direction in which digits get thicker or lean more, and whether they do.

T. White, "Sampling Generative Networks", 2016, https://arxiv.org/abs/1609.04468, section 3.3: an attribute is the mean
latent of what has it minus the mean latent of what has not. Here both means are of one class at a time, so that the
direction does not turn a thin 1 into a thick 8.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from upslope.image.moments import ink, slant

Floats = NDArray[np.floating[Any]]
Measure = Callable[[Floats], Floats]
ATTRIBUTES: dict[str, Measure] = {"thicker": ink, "slanted": slant}
STEPS = 7


def direction(latents: Floats, values: Floats, labels: NDArray[np.integer[Any]]) -> Floats:
    """From latents (N, D) of the third with the smallest values to that with the largest, (D,): the mean over classes.

    Classes of fewer than three images are left out; the zero vector if there are no others.
    """
    found = []
    for label in np.unique(labels):
        here = np.flatnonzero(labels == label)
        if len(here) >= 3:
            ranked, third = here[np.argsort(values[here], kind="stable")], len(here) // 3
            found.append(latents[ranked[-third:]].mean(axis=0) - latents[ranked[:third]].mean(axis=0))
    return np.mean(found, axis=0) if found else np.zeros_like(latents[0])


def walks(latents: Floats, along: Floats, *, steps: int = STEPS) -> NDArray[np.float32]:
    """Latents (N, D) moved by -1 to 1 times a direction (D,), evenly: (N, steps, D)."""
    return np.asarray(latents[:, None] + np.linspace(-1, 1, steps)[:, None] * along, dtype=np.float32)


def rising(values: Floats) -> float:
    """The share of rows (N, steps) in which each value is larger than the one before."""
    return float((np.diff(values, axis=1) > 0).all(axis=1).mean())
