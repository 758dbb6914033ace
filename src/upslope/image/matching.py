"""Matching descriptors: the nearest one counts if it is clearly nearer than the second.

D. Lowe, "Distinctive Image Features from Scale-Invariant Keypoints", 2004, section 7.1,
https://doi.org/10.1023/B:VISI.0000029664.99615.94: the ratio test throws out nine of ten wrong matches, and one of
twenty right ones.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

RATIO = 0.8  # Lowe's


def distances(first: NDArray[Any], second: NDArray[Any]) -> NDArray[np.float64]:
    """(N, D) and (M, D) to (N, M): how many bits differ for descriptors of True and False, else Euclidean."""
    a, b = first.astype(np.float64), second.astype(np.float64)
    squares = (a * a).sum(axis=1)[:, np.newaxis] + (b * b).sum(axis=1) - 2 * (a @ b.T)
    return np.asarray(np.rint(squares) if first.dtype == np.bool_ else np.sqrt(np.maximum(squares, 0)))


def ratio_matches(first: NDArray[Any], second: NDArray[Any], *, ratio: float = RATIO) -> NDArray[np.intp]:
    """Pairs (K, 2): a row of `first`, and its nearest of `second` if that is nearer than `ratio` times the next one."""
    if len(first) == 0 or len(second) < 2:
        return np.empty((0, 2), dtype=np.intp)
    apart = distances(first, second)
    nearest = np.argpartition(apart, 1, axis=1)[:, :2]
    rows = np.arange(len(first))
    two = apart[rows[:, np.newaxis], nearest]
    swap = two[:, 1] < two[:, 0]
    best = np.where(swap, nearest[:, 1], nearest[:, 0])
    kept = two.min(axis=1) < ratio * two.max(axis=1)
    return np.stack([rows[kept], best[kept]], axis=-1)


def one_to_one(pairs: NDArray[np.intp], first: NDArray[Any], second: NDArray[Any]) -> NDArray[np.intp]:
    """Of pairs (K, 2) that share a row of `second` the nearest one only."""
    if len(pairs) == 0:
        return pairs
    apart = np.linalg.norm(first[pairs[:, 0]].astype(np.float64) - second[pairs[:, 1]], axis=1)
    order = np.argsort(apart, kind="stable")
    _, kept = np.unique(pairs[order, 1], return_index=True)
    return pairs[np.sort(order[kept])]
