"""Scenes put together from garments and grounds, so that the class and the number of every pixel are known.

Grounds share a picture as the nearest of three points says, and garments of two kinds lie on them, each cut out along
its own outline. As in D. Dwibedi, I. Misra, M. Hebert, "Cut, Paste and Learn", 2017, https://arxiv.org/abs/1708.01642,
nothing has to be drawn by hand; and as there, such scenes are no photographs.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Floats = NDArray[np.floating[Any]]

SIDE = 80  # pixels
KINDS = 2  # of garments in one scene, so that most have others of their class beside them
CLOTH, RIM = 0.2, 0.02  # levels from which on a pixel is garment, or so nearly that it is nobody's
COVERED = 0.25  # of a garment, the most that another may lie over
TRIES = 8  # places looked at for one garment


def scenes(
    garments: Floats, labels: NDArray[np.int64], grounds: Sequence[Floats], *, void: int, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.uint8], NDArray[np.uint8]]:
    """One picture, (SIDE, SIDE) in [0, 1], then the class and the number of each pixel: as many as garments allow.

    Garments (N, h, w) in [0, 1] with their classes are used once each, three to five in a picture; `grounds` are larger
    than a picture. Class k < len(grounds) is that ground, the classes of garments follow, `void` is the dim rim around
    a garment. Numbers begin with 1 in each picture and are 0 on the grounds and where nobody is.
    """
    waiting = {int(kind): list(rng.permutation(np.flatnonzero(labels == kind))) for kind in np.unique(labels)}
    made = []
    while len(full := [kind for kind, left in waiting.items() if len(left) >= 5]) >= KINDS:
        kinds = rng.choice(full, KINDS, replace=False)
        chosen = [waiting[int(rng.choice(kinds))].pop() for _ in range(int(rng.integers(3, 6)))]
        made.append(_scene([(garments[k], int(labels[k])) for k in chosen], grounds, void=void, rng=rng))
    pictures, classes, numbers = (np.stack(each) for each in zip(*made, strict=True))
    return pictures.astype(np.float32), classes.astype(np.uint8), numbers.astype(np.uint8)


def _scene(
    things: Sequence[tuple[Floats, int]], grounds: Sequence[Floats], *, void: int, rng: np.random.Generator
) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64]]:
    y, x = np.mgrid[:SIDE, :SIDE]
    middles = rng.uniform(0, SIDE, (len(grounds), 2, 1, 1))
    classes = np.hypot(y - middles[:, 0], x - middles[:, 1]).argmin(axis=0)
    picture = np.choose(classes, [_cut(ground, rng) for ground in grounds])
    numbers = np.zeros_like(classes)
    for garment, kind in things:
        garment = garment[:, ::-1] if rng.random() < 0.5 else garment
        cloth, rim = (ndimage.binary_fill_holes(garment > level) for level in (CLOTH, RIM))
        height, width = garment.shape
        for _ in range(TRIES):
            top, left = rng.integers(SIDE - height + 1), rng.integers(SIDE - width + 1)
            here = np.s_[top : top + height, left : left + width]
            before, areas = (np.bincount(each.ravel(), minlength=9) for each in (numbers[here][rim], numbers))
            if (before[1:] <= COVERED * areas[1:]).all():
                break
        else:
            continue  # the picture is full
        share = np.where(cloth, 1.0, np.clip(garment / CLOTH, 0, 1) * rim)
        picture[here] = share * garment + (1 - share) * picture[here]
        classes[here] = np.where(cloth, len(grounds) + kind, np.where(rim, void, classes[here]))
        numbers[here] = np.where(cloth, numbers.max() + 1, np.where(rim, 0, numbers[here]))
    return picture, classes, numbers


def _cut(ground: Floats, rng: np.random.Generator) -> Floats:
    """A square of it, mirrored or not."""
    top, left = (int(rng.integers(length - SIDE + 1)) for length in ground.shape)
    square = ground[top : top + SIDE, left : left + SIDE]
    return square[:, ::-1] if rng.random() < 0.5 else square


def drawn_grounds(*, rng: np.random.Generator, side: int = 2 * SIDE) -> tuple[Floats, Floats, Floats]:
    """Courses of bricks, blades and pebbles as a program draws them: what scenes without a file are made on."""
    y, x = np.mgrid[:side, :side]
    row = y // 10
    joints = (y % 10 < 2) | ((x + 10 * (row % 2)) % 20 < 2)
    bricks = np.where(joints, 0.25, 0.5) + 0.03 * rng.normal(size=(side, side))
    blades = ndimage.gaussian_filter(rng.normal(size=(side, side)), (4, 0.6))
    pebbles = ndimage.gaussian_filter(rng.normal(size=(side, side)), 1.5)
    made = [bricks, 0.35 + 0.1 * blades / blades.std(), 0.5 + 0.15 * pebbles / pebbles.std()]
    first, second, third = (np.clip(ground, 0, 1) for ground in made)
    return first, second, third
