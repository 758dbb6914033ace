"""Nuclei as a child would draw them: what instance segmentation is tried on without a file."""

import numpy as np
from numpy.typing import NDArray

SIDE = 64  # pixels
LEAST = 12  # pixels of a nucleus: of what others cover more the rest is not drawn


def nuclei(count: int, *, rng: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Pictures (count, SIDE, SIDE) in [0, 1] of bright ellipses, many in pairs that touch; and their numbers."""
    y, x = np.mgrid[:SIDE, :SIDE] + 0.5
    images = rng.normal(0.1, 0.02, (count, SIDE, SIDE)).astype(np.float32)
    labels = np.zeros((count, SIDE, SIDE), dtype=np.int32)
    for image, instances in zip(images, labels, strict=True):
        middles = rng.uniform(4, SIDE - 4, (int(rng.integers(3, 6)), 2))
        angles = rng.uniform(0, 2 * np.pi, len(middles))
        # Half of them have a neighbor just beside.
        beside = middles + 11 * np.stack([np.sin(angles), np.cos(angles)], axis=1)
        for down, across in np.concatenate([middles, beside[::2]]):
            turn, long, short = rng.uniform(0, np.pi), rng.uniform(5.5, 7), rng.uniform(4.5, 5.5)
            along = (y - down) * np.sin(turn) + (x - across) * np.cos(turn)
            aside = (y - down) * np.cos(turn) - (x - across) * np.sin(turn)
            here = ((along / long) ** 2 + (aside / short) ** 2 < 1) & (instances == 0)
            if here.sum() < LEAST:
                continue
            instances[here] = instances.max() + 1
            image[here] += rng.uniform(0.3, 0.6)
    return np.clip(images, 0, 1), labels
