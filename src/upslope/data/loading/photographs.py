"""Sets of a few photographs, each of its own size, and pictures made by program that look enough like them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from upslope.data.loading.dataset import Lazy
from upslope.image.read import read_picture


def photographs(folder: Path, names: Sequence[str]) -> Lazy:
    """The files of a folder, decoded when they are asked for: (H, W, 3) in [0, 1]."""
    return Lazy([folder / name for name in names], read_picture)


def scenes(count: int, *, rng: np.random.Generator, height: int = 120, width: int = 160) -> NDArray[np.float32]:
    """Boxes of any color and slant before clouds, (count, height, width, 3) in [0, 1]: corners, edges and texture."""
    made = np.empty((count, height, width, 3), dtype=np.float32)
    y, x = np.mgrid[:height, :width]
    for scene in made:
        layers = [ndimage.gaussian_filter(rng.normal(size=(height, width)), sigma) * sigma for sigma in (1, 3, 9)]
        grain = np.sum(layers, axis=0)
        scene[...] = rng.uniform(0.3, 0.7, 3) + 0.06 * grain[..., np.newaxis]
        for _ in range(30):
            turn, row, column = rng.uniform(0, np.pi), rng.uniform(0, height), rng.uniform(0, width)
            near = np.s_[max(0, int(row) - 20) : int(row) + 20, max(0, int(column) - 20) : int(column) + 20]
            across, down = x[near] - column, y[near] - row
            box = np.abs(np.cos(turn) * across + np.sin(turn) * down) < rng.uniform(2, 14)
            box &= np.abs(np.cos(turn) * down - np.sin(turn) * across) < rng.uniform(2, 14)
            scene[near][box] = rng.uniform(0, 1, 3) + 0.06 * grain[near][box][:, np.newaxis]
        np.clip(ndimage.gaussian_filter(scene, (0.7, 0.7, 0)), 0, 1, out=scene)
    return made
