"""Histograms of oriented gradients: a picture told by which way its edges run, cell by cell.

N. Dalal, B. Triggs, "Histograms of Oriented Gradients for Human Detection", 2005,
https://doi.org/10.1109/CVPR.2005.177. With a linear support vector machine over them it is what was used for pictures
before networks learned their own features, and what a network should be compared with.

- The gradient of a pixel is that of the colour in which it is steepest; a difference across, [-1, 0, 1], none at the
  border.
- Each cell of pixels counts gradients by direction, half a turn in 9 parts, every pixel as much as its gradient is
  long.
- Blocks of 2 x 2 cells, one at every cell, are brought to length 1, cut off at 0.2, and brought to length 1 again.
- Left out: a share for the neighbouring bin and cell (the paper's trilinear interpolation); larger blocks.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS, BLOCK, CUT, EPS = 9, 2, 0.2, 1e-5


def hog(images: NDArray[Any], *, cell: int = 8) -> NDArray[np.float64]:
    """Pictures (N, H, W), or (N, H, W, 3) in colour, to a row of numbers each: (N, D), float64.

    D is 36 for each block, and there is a block for every 2 x 2 neighbouring cells of `cell` x `cell` pixels; pixels
    that fill no cell are left out. ValueError for a picture of fewer than 2 x 2 cells.
    """
    x = np.asarray(images, dtype=np.float64)
    x = x if x.ndim == 4 else x[..., np.newaxis]
    down, across = x.shape[1] // cell, x.shape[2] // cell
    if min(down, across) < BLOCK:
        raise ValueError(f"pictures of {x.shape[1]} x {x.shape[2]} pixels have fewer than 2 x 2 cells of {cell} pixels")
    rise, run = np.zeros_like(x), np.zeros_like(x)
    rise[:, 1:-1] = x[:, 2:] - x[:, :-2]
    run[:, :, 1:-1] = x[:, :, 2:] - x[:, :, :-2]
    size = np.hypot(rise, run)
    steepest = size.argmax(axis=-1)[..., np.newaxis]
    rise, run, size = (np.take_along_axis(each, steepest, axis=-1)[..., 0] for each in (rise, run, size))
    # A direction and its opposite are one: light on dark is dark on light.
    direction = (np.rad2deg(np.arctan2(rise, run)) % 180) // (180 / BINS)
    cells = (len(x), down, cell, across, cell)
    size, direction = (each[:, : down * cell, : across * cell].reshape(cells) for each in (size, direction))
    counts = [np.where(direction == k, size, 0).mean(axis=(2, 4)) for k in range(BINS)]
    histograms = np.stack(counts, axis=-1)  # (N, down, across, BINS)
    windows = np.lib.stride_tricks.sliding_window_view(histograms, (BLOCK, BLOCK), axis=(1, 2))
    blocks = np.moveaxis(windows, 3, -1).reshape(len(x), down - 1, across - 1, BLOCK * BLOCK * BINS)
    blocks = _unit(np.minimum(_unit(blocks), CUT))
    return np.asarray(blocks.reshape(len(x), -1))


def _unit(blocks: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(blocks / np.sqrt((blocks**2).sum(axis=-1, keepdims=True) + EPS**2))
