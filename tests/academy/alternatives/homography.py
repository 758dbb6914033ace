"""Complex numbers for the normalization, and the eigenvector of the normal equations."""

import numpy as np


def normalized(points):
    places = points[:, 0] + 1j * points[:, 1]
    middle = places.mean()
    scale = 2**0.5 / np.abs(places - middle).mean()
    form = np.diag([scale, scale, 1.0])
    form[:2, 2] = -scale * middle.real, -scale * middle.imag
    return (places - middle) * scale, form


def homography(source, target):
    if len(source) < 4 or len(source) != len(target):
        raise ValueError(f"{len(source)} and {len(target)} points are too few or do not match")
    a, here = normalized(np.asarray(source, dtype=float))
    b, there = normalized(np.asarray(target, dtype=float))
    system = np.zeros((9, 9))
    for one, other in zip(a, b, strict=True):
        p = np.array([one.real, one.imag, 1.0])
        for row in (np.kron([-1, 0, other.real], p), np.kron([0, -1, other.imag], p)):
            system += np.outer(row, row)
    h = np.linalg.eigh(system)[1][:, 0].reshape(3, 3)
    h = np.linalg.solve(there, h @ here)
    return h / h[2, 2]
