"""Labels that look wrong: samples that a network never learned from, and of which it is sure that they are mislabeled."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

SURE, UNLIKELY = 0.9, 0.05  # of another class, and of the given one


def doubtful(probabilities: NDArray[Any], labels: NDArray[np.int64], *, most: int = 24) -> NDArray[np.int64]:
    """The rows whose label gets less than 5 % while another class gets more than 90 %, the surest first."""
    top = probabilities.max(axis=1)
    own = probabilities[np.arange(len(labels)), labels]
    rows = np.flatnonzero((top > SURE) & (own < UNLIKELY))
    return rows[np.argsort(-top[rows], kind="stable")][:most]
