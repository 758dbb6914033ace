"""Pictures drawn from a few lines and areas, each a little different: the material of toy data sets.

A figure is a list of polylines in a unit square (x to the right, y down). `draw` distorts, rotates, shifts and scales
it at random, and paints it with soft edges on a small grid. So a toy set has the structure of the real one (ten classes
that differ in shape, no two samples alike) and nothing has to be fetched.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Points = Sequence[tuple[float, float]]
Floats = NDArray[np.float64]


def arc(x: float, y: float, width: float, height: float, start: float, end: float, steps: int = 10) -> Points:
    """Part of an ellipse around (x, y); angles in turns, 0 to the right, 0.25 down."""
    angles = 2 * np.pi * np.linspace(start, end, steps)
    return [(x + width * float(np.cos(a)), y + height * float(np.sin(a))) for a in angles]


def draw(
    figures: Sequence[Sequence[Points]],
    labels: NDArray[np.int64],
    *,
    size: int,
    rng: np.random.Generator,
    filled: bool = False,
    noise: float = 0.05,
) -> NDArray[np.float32]:
    """One image per label, (N, size, size) in [0, 1]: the label's figure, randomly distorted and moved."""
    centres = (np.arange(size) + 0.5) / size
    grid = np.stack(np.meshgrid(centres, centres), axis=-1).reshape(-1, 2)  # (pixels, 2) as x, y
    images = np.empty((len(labels), size, size), dtype=np.float32)
    for number, label in enumerate(labels):
        lines = [np.asarray(line) for line in figures[label]]
        lines = _varied(lines, rng)
        width = rng.uniform(0.035, 0.06)
        ink = np.zeros(len(grid))
        for line in lines:
            reach = _distance(grid, line) - width
            if filled:
                reach = np.where(_inside(grid, line), -1.0, reach)
            ink = np.maximum(ink, np.clip(0.5 - reach * size, 0.0, 1.0))
        if filled:  # cloth: a random grey, lighter or darker along a random direction
            slope = grid @ rng.normal(0.0, 0.3, 2)
            ink *= np.clip(rng.uniform(0.45, 0.9) + slope - slope.mean(), 0.2, 1.0)
        ink += rng.normal(0.0, noise, len(grid)) * (0.3 + ink)
        images[number] = np.clip(ink, 0.0, 1.0).reshape(size, size)
    return images


def _varied(lines: list[Floats], rng: np.random.Generator) -> list[Floats]:
    """The same figure as another hand would draw it."""
    turn = rng.normal(0.0, 0.12)
    stretch = rng.uniform(0.8, 1.15, 2)
    slant = rng.normal(0.0, 0.12)
    shift = rng.normal(0.0, 0.035, 2)
    cosine, sine = np.cos(turn), np.sin(turn)
    matrix = np.array([[cosine, -sine], [sine, cosine]]) @ np.array([[1.0, slant], [0.0, 1.0]]) @ np.diag(stretch)
    # A gentle wave over the sheet, the same for all lines, so that ends that meet still meet.
    direction, phase = rng.normal(0.0, 4.0, (2, 2)), rng.uniform(0.0, 2 * np.pi, 2)
    bent = [line + 0.025 * np.sin(line @ direction + phase) for line in lines]
    return [(line - 0.5) @ matrix.T + 0.5 + shift for line in bent]


def _distance(points: Floats, line: Floats) -> Floats:
    """From each point to the nearest point of the polyline."""
    start, along = line[:-1], np.diff(line, axis=0)
    offset = points[:, None] - start  # (pixels, segments, 2)
    length = np.maximum((along**2).sum(axis=-1), 1e-12)
    where = np.clip((offset * along).sum(axis=-1) / length, 0.0, 1.0)
    return np.asarray(np.sqrt(((offset - where[..., None] * along) ** 2).sum(axis=-1).min(axis=1)))


def _inside(points: Floats, line: Floats) -> NDArray[np.bool_]:
    """Whether a point lies in the closed polyline: a ray from it crosses the border an odd number of times."""
    ahead = np.roll(line, -1, axis=0)
    x, y = points[:, 0, None], points[:, 1, None]
    crosses = (line[:, 1] > y) != (ahead[:, 1] > y)
    height = ahead[:, 1] - line[:, 1]
    slope = (ahead[:, 0] - line[:, 0]) / np.where(height == 0.0, 1.0, height)
    return np.asarray((crosses & (x < line[:, 0] + (y - line[:, 1]) * slope)).sum(axis=1) % 2 == 1)


# Ten digits as strokes.
DIGITS: tuple[tuple[Points, ...], ...] = (
    (arc(0.5, 0.5, 0.2, 0.32, 0.0, 1.0, 17),),
    (((0.38, 0.3), (0.54, 0.17), (0.54, 0.83)),),
    ((*arc(0.5, 0.36, 0.2, 0.19, 0.52, 1.05), (0.3, 0.82), (0.72, 0.82)),),
    ((*arc(0.47, 0.34, 0.2, 0.17, 0.6, 1.25), *arc(0.47, 0.66, 0.22, 0.18, 0.75, 1.42)),),
    (((0.62, 0.83), (0.62, 0.17), (0.27, 0.6), (0.76, 0.6)),),
    (((0.69, 0.18), (0.36, 0.18), (0.34, 0.45), *arc(0.48, 0.62, 0.21, 0.2, 0.68, 1.4)),),
    ((*arc(0.62, 0.5, 0.28, 0.34, 0.72, 0.5), *arc(0.5, 0.65, 0.17, 0.17, 0.5, 1.5, 12)),),
    (((0.28, 0.19), (0.71, 0.19), (0.44, 0.83)),),
    (arc(0.5, 0.33, 0.16, 0.15, 0.25, 1.25, 12), arc(0.5, 0.66, 0.19, 0.18, 0.75, 1.75, 12)),
    ((*arc(0.49, 0.36, 0.17, 0.17, 0.0, 1.0, 12), (0.66, 0.36), (0.6, 0.83)),),
)

# Ten garments as areas, in the order of Fashion-MNIST's classes.
GARMENTS: tuple[tuple[Points, ...], ...] = (
    # T-shirt: short sleeves
    (
        (
            (0.38, 0.2),
            (0.62, 0.2),
            (0.84, 0.32),
            (0.76, 0.45),
            (0.66, 0.4),
            (0.66, 0.8),
            (0.34, 0.8),
            (0.34, 0.4),
            (0.24, 0.45),
            (0.16, 0.32),
            (0.38, 0.2),
        ),
    ),
    # Trouser: two legs
    (((0.36, 0.14), (0.64, 0.14), (0.7, 0.86), (0.57, 0.86), (0.5, 0.28), (0.43, 0.86), (0.3, 0.86), (0.36, 0.14)),),
    # Pullover: long sleeves, closed
    (
        (
            (0.38, 0.2),
            (0.62, 0.2),
            (0.76, 0.28),
            (0.88, 0.8),
            (0.78, 0.82),
            (0.67, 0.45),
            (0.67, 0.82),
            (0.33, 0.82),
            (0.33, 0.45),
            (0.22, 0.82),
            (0.12, 0.8),
            (0.24, 0.28),
            (0.38, 0.2),
        ),
    ),
    # Dress: narrow above, wide below
    (((0.42, 0.12), (0.58, 0.12), (0.57, 0.42), (0.72, 0.88), (0.28, 0.88), (0.43, 0.42), (0.42, 0.12)),),
    # Coat: two long halves
    (
        (
            (0.36, 0.16),
            (0.49, 0.22),
            (0.49, 0.88),
            (0.3, 0.88),
            (0.3, 0.4),
            (0.22, 0.76),
            (0.13, 0.74),
            (0.22, 0.24),
            (0.36, 0.16),
        ),
        (
            (0.64, 0.16),
            (0.51, 0.22),
            (0.51, 0.88),
            (0.7, 0.88),
            (0.7, 0.4),
            (0.78, 0.76),
            (0.87, 0.74),
            (0.78, 0.24),
            (0.64, 0.16),
        ),
    ),
    # Sandal: a sole and straps
    (
        ((0.12, 0.68), (0.88, 0.6), (0.88, 0.68), (0.12, 0.76), (0.12, 0.68)),
        ((0.2, 0.68), (0.42, 0.46), (0.46, 0.5), (0.28, 0.68), (0.2, 0.68)),
        ((0.64, 0.64), (0.8, 0.34), (0.86, 0.36), (0.72, 0.64), (0.64, 0.64)),
    ),
    # Shirt: short body, half sleeves, open at the neck
    (
        (
            (0.38, 0.16),
            (0.5, 0.34),
            (0.62, 0.16),
            (0.8, 0.26),
            (0.82, 0.58),
            (0.72, 0.58),
            (0.66, 0.4),
            (0.66, 0.86),
            (0.34, 0.86),
            (0.34, 0.4),
            (0.28, 0.58),
            (0.18, 0.58),
            (0.2, 0.26),
            (0.38, 0.16),
        ),
    ),
    # Sneaker: low
    (((0.1, 0.68), (0.12, 0.56), (0.36, 0.52), (0.56, 0.36), (0.66, 0.44), (0.86, 0.4), (0.9, 0.68), (0.1, 0.68)),),
    # Bag: a box and a handle
    (
        ((0.18, 0.42), (0.82, 0.42), (0.86, 0.82), (0.14, 0.82), (0.18, 0.42)),
        (*arc(0.5, 0.42, 0.22, 0.22, 0.5, 1.0), (0.66, 0.42), *arc(0.5, 0.42, 0.15, 0.15, 1.0, 0.5), (0.28, 0.42)),
    ),
    # Ankle boot: high, with a heel
    (
        (
            (0.12, 0.74),
            (0.16, 0.6),
            (0.42, 0.52),
            (0.46, 0.18),
            (0.8, 0.18),
            (0.84, 0.82),
            (0.7, 0.82),
            (0.68, 0.74),
            (0.12, 0.74),
        ),
    ),
)
