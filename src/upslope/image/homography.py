"""Homographies: how a plane, or what a camera sees when it only turns, looks from elsewhere; found from point pairs.

The direct linear transformation: I. Sutherland 1974; R. Hartley, A. Zisserman, "Multiple View Geometry in Computer
Vision", 2004, algorithm 4.2. R. Hartley, "In Defense of the Eight-Point Algorithm", 1997,
https://doi.org/10.1109/34.601246, for the normalization without which it loses its digits.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

Points = NDArray[np.floating[Any]]
Matrix = NDArray[np.float64]


def project(matrix: Matrix, points: Points) -> NDArray[np.float64]:
    """Where a homography (3, 3) takes points (..., 2); what lies on its horizon goes to infinity."""
    moved = np.asarray(points, dtype=np.float64) @ matrix[:, :2].T + matrix[:, 2]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.asarray(moved[..., :2] / moved[..., 2:])


def homography(source: Points, target: Points) -> Matrix:
    """The homography that takes points (N, 2) to points (N, 2), N >= 4, by the normalized DLT: (3, 3), float64.

    Each set is first moved and scaled so that its mean is 0 and its mean distance from there sqrt(2). In these
    coordinates each pair (x, y) -> (u, v) gives two rows of A, [-x, -y, -1, 0, 0, 0, u x, u y, u] and
    [0, 0, 0, -x, -y, -1, v x, v y, v]; h is the unit vector that makes |A h| least, the last row of V^T in the singular
    value decomposition of A; then the scaling is undone, and the matrix divided by its last entry. Fewer than four
    pairs, or sets of different length, are a ValueError. The square (0, 0), (1, 0), (1, 1), (0, 1) to the square
    (2, 3), (4, 3), (4, 5), (2, 5) gives [[2, 0, 2], [0, 2, 3], [0, 0, 1]]. Hartley and Zisserman 2004, algorithm 4.2.
    """
    source, target = np.asarray(source, dtype=np.float64), np.asarray(target, dtype=np.float64)
    if len(source) != len(target) or len(source) < 4:
        raise ValueError(f"a homography needs at least 4 pairs of points, got {len(source)} and {len(target)}")
    # Hartley's normalization: numbers around 1, whatever the size of the picture.
    transforms = []
    for points in (source, target):
        middle = points.mean(axis=0)
        spread = np.sqrt(((points - middle) ** 2).sum(axis=1)).mean()
        scale = np.sqrt(2) / max(float(spread), 1e-12)
        transforms.append(np.array([[scale, 0, -scale * middle[0]], [0, scale, -scale * middle[1]], [0, 0, 1]]))
    x, y = (source @ transforms[0][:2, :2].T + transforms[0][:2, 2]).T
    u, v = (target @ transforms[1][:2, :2].T + transforms[1][:2, 2]).T
    # Two equations for each pair: u and v times the denominator, brought to one side.
    one, zero = np.ones_like(x), np.zeros_like(x)
    above = np.stack([-x, -y, -one, zero, zero, zero, u * x, u * y, u], axis=1)
    below = np.stack([zero, zero, zero, -x, -y, -one, v * x, v * y, v], axis=1)
    # The direction in which the equations are violated least.
    rows = np.concatenate([above, below])
    matrix = np.linalg.svd(rows, full_matrices=len(rows) < 9)[2][-1].reshape(3, 3)
    # Back to pixels; a homography has no scale of its own, so its last entry is made 1.
    matrix = np.linalg.inv(transforms[1]) @ matrix @ transforms[0]
    return np.asarray(matrix / matrix[2, 2])


def refined(matrix: Matrix, source: Points, target: Points) -> Matrix:
    """The homography near `matrix` with the least squared distance in pixels of the target, by Levenberg-Marquardt.

    The DLT makes an algebraic error small, this one the error that is seen (Hartley and Zisserman 2004, section 4.5).
    """

    def errors(entries: NDArray[np.float64]) -> NDArray[np.float64]:
        return (project(np.append(entries, 1.0).reshape(3, 3), source) - target).ravel()

    found = least_squares(errors, (matrix / matrix[2, 2]).ravel()[:8], method="lm", x_scale="jac", max_nfev=200)
    return np.append(found.x, 1.0).reshape(3, 3)
