"""Everything written out: slopes by shifted slices, the window as one sum over its places."""

import numpy as np


def harris(image, *, sigma, k=0.04):
    height, width = image.shape
    p = np.pad(image.astype(np.float64), 1, mode="reflect")
    dx, dy = np.zeros((height, width)), np.zeros((height, width))
    for i, weight in enumerate((1, 2, 1)):
        dx += weight * (p[i : i + height, 2:] - p[i : i + height, :-2])
        dy += weight * (p[2:, i : i + width] - p[:-2, i : i + width])
    radius = round(4 * sigma)
    bell = np.exp(-(np.arange(-radius, radius + 1) ** 2) / (2 * sigma**2))
    tensor = np.stack([dx**2, dx * dy, dy**2])
    padded = np.pad(tensor, ((0, 0), (radius, radius), (radius, radius)), mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, bell.shape * 2, axis=(1, 2))
    a, b, c = np.einsum("chwij,i,j->chw", windows, bell, bell) / bell.sum() ** 2
    return (a * c - b**2 - k * (a + c) ** 2).astype(image.dtype)
