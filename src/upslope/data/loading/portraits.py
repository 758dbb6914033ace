"""Faces drawn from soft ovals: people who differ in a dozen measures, in light from any side.

Who somebody is lies in the measures (where the eyes are, how long the nose is, how dark the hair is), which are drawn
from the person's number alone. What differs from picture to picture (place, size, light, mirror image) says nothing
about it, and mean brightness hardly anything.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def portraits(people: NDArray[np.int64], *, size: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """One face for each person's number, (N, size, size) in [0, 1]; no two pictures of a person are alike."""
    made = np.empty((len(people), size, size), dtype=np.float32)
    grid = np.linspace(-1, 1, size)
    for picture, person in zip(made, people, strict=True):
        own = np.random.default_rng(int(person)).uniform(-1, 1, 14)
        # From far left to far right, from top to bottom; everybody is looked at from a place of its own.
        left, down, zoom = rng.uniform(-0.06, 0.06, 3)
        x, y = np.meshgrid(grid * (1 + zoom) * rng.choice([-1, 1]) + left, grid * (1 + zoom) + down)
        face = _oval(x, y, 0, 0.05, 0.62 + 0.08 * own[0], 0.82 + 0.08 * own[1])
        hair = _oval(x, y, 0, -0.75 + 0.1 * own[2], 0.8, 0.4 + 0.12 * own[3])
        apart, level, wide = 0.27 + 0.06 * own[4], -0.12 + 0.09 * own[5], 0.13 + 0.03 * own[6]
        eyes = sum(_oval(x, y, side * apart, level, wide, 0.06 + 0.02 * own[7]) for side in (-1, 1))
        brows = sum(_oval(x, y, side * apart, level - 0.16, 0.18, 0.03 + 0.02 * own[8]) for side in (-1, 1))
        nose = _oval(x, y, 0, level + 0.3, 0.06 + 0.03 * own[9], 0.18 + 0.08 * own[10])
        mouth = _oval(x, y, 0, 0.48 + 0.07 * own[11], 0.24 + 0.08 * own[12], 0.05 + 0.02 * own[13])
        drawn = 0.15 + face * (0.55 - 0.35 * eyes - 0.25 * brows - 0.15 * nose - 0.25 * mouth)
        drawn += hair * (0.25 * own[3] + 0.1 - 0.5 * face * drawn)
        light = 1 + 0.25 * (rng.uniform(-1, 1) * x + rng.uniform(-1, 1) * y) + rng.uniform(-0.3, 0.3)
        picture[...] = np.clip(drawn * light + rng.normal(0, 0.03, drawn.shape), 0, 1)
    return made


def _oval(x: Floats, y: Floats, across: float, down: float, width: float, height: float) -> Floats:
    """1 inside of an oval and 0 outside, with a soft edge."""
    reach = np.hypot((x - across) / width, (y - down) / height)
    return np.asarray(np.clip((1 - reach) * min(width, height) * 20, 0, 1))
