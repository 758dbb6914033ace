"""Logistic regression: weights under which the labels that were seen are most probable, held small.

D. Cox, "The Regression Analysis of Binary Sequences", 1958, for several classes by way of the softmax. The objective is
that of scikit-learn's LogisticRegression: c times the sum of the losses, and half the squared weights; intercepts are
free.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.special import log_softmax

from upslope.text.classify.linear import Floats, Linear, minimized, one_hot


def fit_logistic(
    x: csr_array, labels: NDArray[np.int64], classes: int, *, c: float = 1.0, tolerance: float = 1e-4
) -> Linear:
    """Learn from texts (N, V) with classes (N,); the larger `c`, the more the texts count beside small weights."""
    targets = one_hot(labels, classes)
    terms = x.shape[1]

    def objective(flat: Floats) -> tuple[float, Floats]:
        weights, intercept = flat[: terms * classes].reshape(terms, classes), flat[terms * classes :]
        log_p = log_softmax(x @ weights + intercept, axis=1)
        loss = -c * float((targets * log_p).sum()) + 0.5 * float((weights**2).sum())
        wrong = c * (np.exp(log_p) - targets)  # how much each score should fall
        return loss, np.concatenate([(x.T @ wrong + weights).ravel(), wrong.sum(axis=0)])

    found = minimized(objective, np.zeros(terms * classes + classes), tolerance=tolerance)
    return Linear(found[: terms * classes].reshape(terms, classes), found[terms * classes :])
