"""By the small matrix of products between pictures, as Turk and Pentland did it."""

import numpy as np


def eigenfaces(pictures, *, count):
    number, pixels = pictures.shape
    most = min(number - 1, pixels)
    if count < 1 or count > most:
        raise ValueError(f"count={count} is not from 1 to {most}, the axes of {number} pictures of {pixels} pixels")
    mean = pictures.mean(axis=0)
    away = (pictures - mean).astype(np.float64)
    _, vectors = np.linalg.eigh(away @ away.T)
    axes = vectors[:, ::-1][:, :count].T @ away
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    for axis in axes:
        if axis[np.abs(axis).argmax()] < 0:
            axis *= -1
    return mean, axes.astype(pictures.dtype)
