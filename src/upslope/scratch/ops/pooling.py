"""Pooling: one number for each window of an image."""

import numpy as np

from upslope.scratch.tape import masked
from upslope.scratch.tensor import Tensor


def max_pool2d(x: Tensor, kernel_size: int, *, stride: int | None = None) -> Tensor:
    """The largest number in each square window: out[b, c, r, q] = max_{i, j} x[b, c, r t + i, q t + j].

    i and j go from 0 to kernel_size - 1; t is the stride, kernel_size if it is None. x is (B, C, H, W), the result
    (B, C, HO, WO) of its dtype, HO = (H - kernel_size) // t + 1 and WO likewise: rows and columns that fill no window
    are left out. A window larger than the images raises a ValueError.
    Backward: the gradient of a window goes to its largest number, to the first one (row by row) where several are
    equal; where windows overlap, gradients add up.
    [[1, 4], [3, 4]] in one 2 x 2 window is [[4]], and g = [[1]] goes back as [[0, 1], [0, 0]].
    """
    t = stride or kernel_size
    _, _, height, width = x.shape
    if kernel_size > min(height, width):
        raise ValueError(f"max_pool2d: a {kernel_size} x {kernel_size} window does not fit images of shape {x.shape}")
    rows = (height - kernel_size) // t + 1
    columns = (width - kernel_size) // t + 1
    # For each place (i, j) in the window, the pixels that stand there in all windows at once.
    places = [
        np.s_[:, :, i : i + rows * t : t, j : j + columns * t : t]
        for i in range(kernel_size)
        for j in range(kernel_size)
    ]
    # The largest over the places, all windows at once.
    a = x.data
    out = a[places[0]].copy(order="K")
    for pixels in places[1:]:
        np.maximum(out, a[pixels], out=out)

    def gradient_of_x(g: np.ndarray) -> np.ndarray:
        # Place by place, g goes to the first number that equals the largest; the window is then done.
        gradient = np.zeros_like(a)
        waiting = np.ones_like(out, dtype=bool)
        for pixels in places:
            found = waiting & (a[pixels] == out)
            gradient[pixels] += masked(g, found)
            waiting &= ~found
        return gradient

    return x.then(out, gradient_of_x)


def avg_pool2d(x: Tensor, kernel_size: int, *, stride: int | None = None) -> Tensor:
    """The mean of each kernel_size x kernel_size window, shapes as in max_pool2d; each pixel gets g / kernel_size^2."""
    t = stride or kernel_size
    _, _, height, width = x.shape
    if kernel_size > min(height, width):
        raise ValueError(f"avg_pool2d: a {kernel_size} x {kernel_size} window does not fit images of shape {x.shape}")
    rows = (height - kernel_size) // t + 1
    columns = (width - kernel_size) // t + 1
    places = [
        np.s_[:, :, i : i + rows * t : t, j : j + columns * t : t]
        for i in range(kernel_size)
        for j in range(kernel_size)
    ]
    a = x.data
    out = a[places[0]].copy(order="K")
    for pixels in places[1:]:
        out += a[pixels]
    out /= kernel_size**2

    def gradient_of_x(g: np.ndarray) -> np.ndarray:
        share = g / kernel_size**2
        gradient = np.zeros_like(a)
        for pixels in places:
            gradient[pixels] += share
        return gradient

    return x.then(out, gradient_of_x)
