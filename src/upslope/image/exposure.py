"""Evening out exposure: a factor for each picture that makes overlapping pictures equally bright where they overlap.

M. Brown, D. Lowe, "Automatic Panoramic Image Stitching using Invariant Features", 2007, section 6,
https://doi.org/10.1007/s11263-006-0002-3.
"""

import numpy as np
from numpy.typing import NDArray

NOISE = 0.04  # deviation of brightness where two pictures show the same, in parts of white
USUAL = 0.1  # deviation of a factor from 1


def gains(brightness: NDArray[np.float64], overlap: NDArray[np.float64]) -> NDArray[np.float64]:
    """Factors (N,) for N pictures.

    brightness[i, j] is the mean brightness of picture i where picture j overlaps it, in [0, 1], and overlap[i, j] the
    number of pixels there. The factors make sum N_ij ((g_i I_ij - g_j I_ji)**2 / NOISE**2 + (1 - g_i)**2 / USUAL**2)
    least; the second part keeps them from all becoming 0.
    """
    count = len(overlap)
    overlap = np.where(np.eye(count, dtype=bool), 0, overlap)
    squares = overlap * brightness**2 / NOISE**2
    system = -2 * overlap * brightness * brightness.T / NOISE**2
    system[np.diag_indices(count)] = 2 * squares.sum(axis=1) + overlap.sum(axis=1) / USUAL**2
    alone = overlap.sum(axis=1) == 0
    system[alone, alone] = 1.0
    return np.asarray(np.linalg.solve(system, np.where(alone, 1.0, overlap.sum(axis=1) / USUAL**2)))
