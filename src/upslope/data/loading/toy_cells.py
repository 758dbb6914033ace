"""Blood as a child would draw it: what detectors are tried on without a file."""

import numpy as np
from numpy.typing import NDArray

from upslope.data.loading.voc import Annotation

HEIGHT, WIDTH = 72, 96
# By class: how many in a picture, at least and at most; radius in pixels; colour.
KINDS = (
    ((3, 7), (7.0, 10.0), (0.85, 0.55, 0.55)),
    ((0, 1), (13.0, 17.0), (0.45, 0.3, 0.65)),
    ((0, 3), (2.5, 4.0), (0.5, 0.35, 0.6)),
)


def cells(count: int, *, rng: np.random.Generator) -> tuple[NDArray[np.float32], list[Annotation]]:
    """Pictures (count, HEIGHT, WIDTH, 3) in [0, 1] of ellipses of three kinds, and their boxes."""
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    images = np.empty((count, HEIGHT, WIDTH, 3), dtype=np.float32)
    said = []
    for image in images:
        image[...] = rng.uniform(0.75, 0.95) + rng.normal(scale=0.03, size=image.shape)
        boxes, labels = [], []
        for kind, (number, radius, colour) in enumerate(KINDS):
            for _ in range(rng.integers(number[0], number[1] + 1)):
                down, across = rng.uniform(*radius, 2)
                top, left = rng.uniform(0, HEIGHT - 2 * down), rng.uniform(0, WIDTH - 2 * across)
                far = ((y - top - down) / down) ** 2 + ((x - left - across) / across) ** 2
                shade = rng.uniform(0.9, 1.1) * np.asarray(colour)
                image[far < 1] = np.clip(shade + rng.normal(scale=0.02, size=((far < 1).sum(), 3)), 0, 1)
                boxes.append((left, top, left + 2 * across, top + 2 * down))
                labels.append(kind)
        said.append(Annotation(np.array(boxes, dtype=np.float32).reshape(-1, 4), np.array(labels, dtype=np.int64)))
    return np.clip(images, 0, 1), said
