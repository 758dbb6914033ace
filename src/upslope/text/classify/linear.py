"""What all linear classifiers of texts have in common: a weight for each term and class, and a sum."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import csr_array

Floats = NDArray[np.float64]


class NothingToLearn(ValueError):
    """Texts and labels from which no classifier follows."""


@dataclass(frozen=True)
class Linear:
    """Scores of texts (N, V): x @ weights + intercept, (N, K). The class with the highest score is the prediction."""

    weights: Floats  # (V, K)
    intercept: Floats  # (K,)

    def scores(self, x: csr_array) -> Floats:
        """How strongly each text speaks for each class: (N, K)."""
        return np.asarray(x @ self.weights + self.intercept)

    def predict(self, x: csr_array) -> NDArray[np.int64]:
        """The class of each text: (N,)."""
        return np.asarray(self.scores(x).argmax(axis=1))


def one_hot(labels: NDArray[np.int64], classes: int) -> Floats:
    """A row for each label with 1 in its column: (N, K).

    Raises:
        NothingToLearn: a label is no class, or a class has no text.
    """
    counts = np.bincount(labels, minlength=classes)
    if len(counts) > classes:
        raise NothingToLearn(f"label {len(counts) - 1} is none of {classes} classes, which are 0 to {classes - 1}")
    if not counts.all():
        raise NothingToLearn(f"class {int(counts.argmin())} of {classes} has no text to learn from")
    return np.eye(classes)[labels]


def minimized(
    objective: Callable[[Floats], tuple[float, Floats]], start: Floats, *, tolerance: float, steps: int = 1000
) -> Floats:
    """Where a smooth function is smallest, from its value and gradient, by L-BFGS (Liu and Nocedal 1989)."""
    options: Any = {"maxiter": steps, "ftol": 1e-14, "gtol": tolerance, "maxcor": 20}
    together: Any = objective  # SciPy's stubs know no function that gives both
    return np.asarray(minimize(together, start, jac=True, method="L-BFGS-B", options=options).x)
