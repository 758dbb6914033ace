"""Streets as a child would draw them: what segmentation in many classes is tried on without a file."""

import numpy as np
from numpy.typing import NDArray

HEIGHT, WIDTH = 48, 64  # pixels
VOID = 11
# By class, in CamVid's order: the colour, in [0, 1].
COLOURS = np.array(
    [
        (0.75, 0.85, 0.95),  # sky
        (0.6, 0.45, 0.4),  # building
        (0.25, 0.25, 0.2),  # pole
        (0.4, 0.38, 0.42),  # road
        (0.7, 0.65, 0.6),  # pavement
        (0.2, 0.45, 0.15),  # tree
        (0.85, 0.75, 0.2),  # sign
        (0.45, 0.3, 0.15),  # fence
        (0.7, 0.1, 0.15),  # car
        (0.2, 0.2, 0.55),  # pedestrian
        (0.1, 0.55, 0.6),  # bicyclist
        (0.5, 0.5, 0.5),  # void
    ]
)
# Class: the height and width of what stands there, in pixels, and the share of the height where its foot is.
THINGS = {
    5: ((12, 22), (8, 16), 0.62),
    7: ((4, 7), (12, 22), 0.68),
    2: ((22, 30), (2, 3), 0.72),
    6: ((4, 6), (4, 6), 0.35),
    8: ((7, 11), (12, 18), 0.85),
    9: ((9, 13), (3, 5), 0.8),
    10: ((8, 12), (5, 7), 0.9),
}


def streets(count: int, *, rng: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Pictures (count, HEIGHT, WIDTH, 3) in [0, 1] and their classes: bands, and rectangles that stand on them."""
    masks = np.zeros((count, HEIGHT, WIDTH), dtype=np.uint8)
    for mask in masks:
        roof, curb, road = (int(rng.integers(*each)) for each in ((8, 18), (28, 32), (34, 37)))
        mask[roof:curb], mask[curb:road], mask[road:] = 1, 4, 3
        for kind, (high, wide, foot) in THINGS.items():
            height, width = int(rng.integers(*high)), int(rng.integers(*wide))
            bottom, left = int(foot * HEIGHT + rng.integers(-2, 3)), int(rng.integers(0, WIDTH - width))
            mask[max(0, bottom - height) : bottom, left : left + width] = kind
        mask[-3:] = VOID  # the hood of the car that films
    shades = rng.uniform(0.85, 1.1, (count, 1, 1, 1)) * COLOURS[masks]
    images = shades + rng.normal(scale=0.05, size=shades.shape)
    return np.clip(images, 0, 1).astype(np.float32), masks
