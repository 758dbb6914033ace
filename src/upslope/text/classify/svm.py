"""The linear support vector machine: a border between classes that keeps a distance to the texts on both sides.

C. Cortes, V. Vapnik, "Support-Vector Networks", 1995, https://doi.org/10.1007/BF00994018; for texts T. Joachims, "Text
Categorization with Support Vector Machines", 1998. The loss is the squared hinge, as in R.-E. Fan et al., "LIBLINEAR",
2008, whose objective this is: half the squared weights, intercept included, and c times the sum of
max(0, 1 - y score)^2, for each class against all others.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, hstack

from upslope.text.classify.linear import Floats, Linear, one_hot


def fit_svm(
    x: csr_array, labels: NDArray[np.int64], classes: int, *, c: float = 1.0, tolerance: float = 1e-4
) -> Linear:
    """Learn from texts (N, V) with classes (N,); the larger `c`, the more a text inside the margin costs.

    It ends when the gradient is `tolerance` of what it was at the beginning.
    """
    signs = 2 * one_hot(labels, classes) - 1
    # The intercept is the weight of a term that every text has.
    everywhere: Any = csr_array(np.ones((x.shape[0], 1)))
    extended: Any = hstack([x, everywhere], format="csr")
    # Of two classes one border is the other's mirror image.
    borders = [_border(extended, y, c, tolerance) for y in (signs.T if classes > 2 else signs.T[1:])]
    if classes == 2:
        borders.insert(0, -borders[0])
    found = np.stack(borders, axis=1)
    return Linear(found[:-1], found[-1])


def _border(x: Any, y: Floats, c: float, tolerance: float) -> Floats:
    """The weights (V,) for which the objective is smallest, by Newton's method (Lin, Weng and Keerthi 2008).

    Where no text crosses the margin the objective is a quadratic function. Its smallest value is found by conjugate
    gradients, which need no matrix of second derivatives but only its product with a vector.
    """
    across: Any = csr_array(x.T)

    def loss(w: Floats) -> float:
        short = np.maximum(0, 1 - y * (x @ w))  # by how much each text misses the margin
        return 0.5 * float(w @ w) + c * float(short @ short)

    w = np.zeros(x.shape[1])
    first = 0.0
    for _ in range(_STEPS):
        short = np.maximum(0, 1 - y * (x @ w))
        slope = w - 2 * c * (across @ (y * short))
        size = float(np.linalg.norm(slope))
        first = first or size
        if size <= tolerance * first:
            break
        step = _conjugate_gradients(partial(_curvature, x, across, short > 0, c), -slope, 0.1 * size)
        # The whole step, unless other texts have come inside the margin on the way and made it worse.
        share, before, fall = 1.0, loss(w), float(slope @ step)
        while loss(w + share * step) > before + 0.01 * share * fall and share > 1e-6:
            share /= 2
        w = w + share * step
    return w


def _curvature(x: Any, across: Any, inside: NDArray[np.bool_], c: float, v: Floats) -> Floats:
    """The second derivatives, which only texts inside the margin have a part in, times a vector."""
    return np.asarray(v + 2 * c * (across @ np.where(inside, x @ v, 0.0)))


def _conjugate_gradients(product: Callable[[Floats], Floats], b: Floats, enough: float) -> Floats:
    """v for which product(v) is b, up to a rest no longer than `enough` (Hestenes and Stiefel 1952)."""
    v, rest = np.zeros_like(b), b.copy()
    direction, square = rest.copy(), float(rest @ rest)
    for _ in range(_STEPS):
        if square <= enough**2:
            break
        through = product(direction)
        far = square / float(direction @ through)
        v += far * direction
        rest -= far * through
        before, square = square, float(rest @ rest)
        direction = rest + square / before * direction
    return v


_STEPS = 100
