"""Panorama: photographs that overlap, joined into one picture.

M. Brown, D. Lowe, "Automatic Panoramic Image Stitching using Invariant Features", 2007,
https://doi.org/10.1007/s11263-006-0002-3.

- The order is found: whoever shares enough matches with whom overlaps, and the best overlaps make a tree.
- One picture, in the middle of the tree, stays as it is, and the others are warped onto its plane.
- Exposure is evened out, and pictures are blended band by band along the line where both are equally far from their
  borders.

Left out: cylinders for wide angles (a plane ends at 180 degrees), the joint adjustment of all cameras, and what moves
between two photographs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from upslope.image.exposure import gains
from upslope.image.homography import Matrix, project
from upslope.image.keypoints import matched, sift
from upslope.image.pyramid import Blend
from upslope.image.ransac import find_homography
from upslope.image.read import Picture
from upslope.image.warp import bilinear
from upslope.runs.errors import Problem

NEEDED = 15  # matches that agree, for two pictures to overlap ...
CHANCE = (5.9, 0.22)  # ... and more where there are many: so many, and this share of all (Brown and Lowe, section 3.2)
THRESHOLD = 4.0  # pixels within which a match agrees: hand-held cameras do not only turn
MOST_PIXELS = 16_000_000  # of a panorama: a larger one is made smaller
STRETCHED = 8.0  # times its own area that a picture may cover, seen from the side
SMALL = 300  # pixels on the longer side of the copy on which exposures are compared


class NoPanorama(Problem):
    """Pictures that cannot be joined."""


@dataclass(frozen=True)
class Overlap:
    """What two pictures have in common."""

    matches: int
    agree: int
    matrix: Matrix | None  # from the pixels of the second to those of the first

    @property
    def needed(self) -> int:
        """How many matches must agree."""
        return max(NEEDED, round(CHANCE[0] + CHANCE[1] * self.matches))

    @property
    def real(self) -> bool:
        """Whether the pictures overlap."""
        return self.matrix is not None and self.agree >= self.needed


@dataclass(frozen=True)
class Panorama:
    """The joined picture, and how it came about."""

    picture: Picture
    order: list[int]  # the pictures from left to right, or from top to bottom
    joined: list[tuple[int, int, int]]  # two pictures, and how many matches agree
    gains: list[float]  # what the brightness of each was multiplied with


def panorama(pictures: Sequence[Picture], names: Sequence[str]) -> Panorama:
    """Join pictures (H, W, 3) in [0, 1] into one; NoPanorama where one of them does not overlap with the others."""
    if len(pictures) < 2:
        raise NoPanorama(f"a panorama is made of at least two pictures, and there is {len(pictures)}")
    overlaps = find_overlaps(pictures)
    joined = tree(overlaps, names)
    matrices = onto_one_plane(joined, overlaps, len(pictures))
    canvas = Canvas.around(pictures, matrices, names)
    factors = even_exposure(pictures, canvas)
    agree = [(first, second, overlaps[first, second].agree) for first, second in joined]
    return Panorama(blended(pictures, canvas, factors), canvas.order(), agree, factors.tolist())


def find_overlaps(pictures: Sequence[Picture]) -> dict[tuple[int, int], Overlap]:
    """Every two pictures, matched."""
    points = [sift(np.rint(255 * np.clip(picture, 0, 1)).astype(np.uint8)) for picture in pictures]
    found = {}
    for first, second in combinations(range(len(pictures)), 2):
        pairs = matched(points[second], points[first])
        source, target = points[second].points[pairs[:, 0]], points[first].points[pairs[:, 1]]
        rng = np.random.default_rng(len(pairs))  # the same pictures give the same panorama
        matrix, agree = find_homography(source, target, threshold=THRESHOLD, rng=rng)
        found[first, second] = Overlap(len(pairs), int(agree.sum()), matrix)
    return found


def tree(overlaps: dict[tuple[int, int], Overlap], names: Sequence[str]) -> list[tuple[int, int]]:
    """The overlaps with the most matches that hold all pictures together, without a circle (Kruskal 1956)."""
    group = list(range(len(names)))
    kept = []
    for (first, second), overlap in sorted(overlaps.items(), key=lambda item: -item[1].agree):
        if overlap.real and group[first] != group[second]:
            kept.append((first, second))
            group = [group[first] if each == group[second] else each for each in group]
    if len(set(group)) > 1:
        raise NoPanorama(_apart(overlaps, names, group))
    return kept


def onto_one_plane(
    joined: Sequence[tuple[int, int]], overlaps: dict[tuple[int, int], Overlap], count: int
) -> list[Matrix]:
    """For each picture the homography onto the plane of the one from which the farthest is nearest, in steps."""
    ways = [_ways(root, joined, overlaps, count) for root in range(count)]
    steps = [max(step for step, _ in way) + sum(step for step, _ in way) / count**2 for way in ways]
    return [matrix for _, matrix in ways[int(np.argmin(steps))]]


@dataclass(frozen=True)
class Canvas:
    """The plane of the panorama, and where each picture lies on it."""

    height: int
    width: int
    matrices: list[Matrix]  # from a picture's pixels to those of the canvas
    corners: list[NDArray[np.float64]]  # of each picture on the canvas: (4, 2)

    @classmethod
    def around(cls, pictures: Sequence[Picture], matrices: Sequence[Matrix], names: Sequence[str]) -> "Canvas":
        """The smallest canvas that holds all pictures; NoPanorama where one is seen too much from the side."""
        corners = []
        for picture, matrix, name in zip(pictures, matrices, names, strict=True):
            height, width = picture.shape[:2]
            frame = np.array([[0.0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]])
            depth = frame @ matrix[2, :2] + matrix[2, 2]
            places = project(matrix, frame)
            if depth.min() <= 0 or not 1 / STRETCHED < _area(places) / (height * width) < STRETCHED:
                raise NoPanorama(f"{name} is turned too far away from the others for one flat picture: leave it out")
            corners.append(places)
        low, high = (f(np.concatenate(corners), axis=0) for f in (np.min, np.max))
        size = high - low + 1
        scale = min(1.0, float(np.sqrt(MOST_PIXELS / size.prod())))
        move = np.array([[scale, 0, -scale * low[0]], [0, scale, -scale * low[1]], [0, 0, 1]])
        width, height = (int(np.ceil(scale * side)) for side in size)
        return cls(height, width, [move @ matrix for matrix in matrices], [(c - low) * scale for c in corners])

    def smaller(self, longest: int) -> "Canvas":
        """The same plane with at most so many pixels on its longer side."""
        scale = min(1.0, longest / max(self.height, self.width))
        matrices = [np.diag([scale, scale, 1.0]) @ matrix for matrix in self.matrices]
        height, width = (max(1, round(scale * side)) for side in (self.height, self.width))
        return Canvas(height, width, matrices, [scale * each for each in self.corners])

    def order(self) -> list[int]:
        """The pictures along the canvas' longer side."""
        middles = np.array([each.mean(axis=0) for each in self.corners])
        axis = 0 if np.ptp(middles[:, 0]) >= np.ptp(middles[:, 1]) else 1
        return [int(number) for number in np.argsort(middles[:, axis], kind="stable")]


def even_exposure(pictures: Sequence[Picture], canvas: Canvas) -> NDArray[np.float64]:
    """A factor for each picture's brightness, from a small copy of the canvas."""
    small = canvas.smaller(SMALL)
    box = (0, small.height, 0, small.width)
    seen = [_warped(picture, matrix, box) for picture, matrix in zip(pictures, small.matrices, strict=True)]
    count = len(pictures)
    brightness, overlap = np.zeros((count, count)), np.zeros((count, count))
    for i, j in combinations(range(count), 2):
        both = (seen[i][1] > 0) & (seen[j][1] > 0)
        overlap[i, j] = overlap[j, i] = both.sum()
        if both.any():
            brightness[i, j], brightness[j, i] = (seen[k][0][both].mean() for k in (i, j))
    return gains(brightness, overlap)


def blended(pictures: Sequence[Picture], canvas: Canvas, factors: NDArray[np.float64]) -> Picture:
    """All pictures on the canvas, each where it is farther from its own border than the others are; else black."""
    blend = Blend(canvas.height, canvas.width)
    boxes = [blend.box(*each.min(axis=0), *each.max(axis=0)) for each in canvas.corners]
    whole = blend.box(0, 0, canvas.width, canvas.height)
    best = np.zeros((whole[1], whole[3]), dtype=np.float32)
    owner = np.full(best.shape, -1, dtype=np.int16)
    for number, (picture, matrix, box) in enumerate(zip(pictures, canvas.matrices, boxes, strict=True)):
        part = np.s_[box[0] : box[1], box[2] : box[3]]
        weight = _warped(picture[..., :0], matrix, box)[1]
        better = weight > best[part]
        best[part][better], owner[part][better] = weight[better], number
    for number, (picture, matrix, box) in enumerate(zip(pictures, canvas.matrices, boxes, strict=True)):
        seen = _warped(picture, matrix, box)[0] * np.float32(factors[number])
        blend.put(seen, owner[box[0] : box[1], box[2] : box[3]] == number, box)
    empty = owner[: canvas.height, : canvas.width] < 0
    return np.asarray(np.where(empty[..., np.newaxis], 0, np.clip(blend.picture(), 0, 1)), dtype=np.float32)


def _warped(
    picture: NDArray[np.float32], matrix: Matrix, box: tuple[int, int, int, int]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """A part of the canvas as this picture shows it, going on beyond its border, and how far inside each pixel lies.

    How far: 1 in the middle of the picture, 0 at its border and beyond.
    """
    top, bottom, left, right = box
    height, width = picture.shape[:2]
    back = np.linalg.inv(matrix)
    x, y = np.meshgrid(np.arange(left, right, dtype=np.float64), np.arange(top, bottom, dtype=np.float64))
    depth = back[2, 0] * x + back[2, 1] * y + back[2, 2]
    ahead = depth * np.sign(back[2] @ matrix[:, 2]) > 1e-9
    depth = np.where(ahead, depth, 1)
    column = np.where(ahead, (back[0, 0] * x + back[0, 1] * y + back[0, 2]) / depth, -1)
    row = np.where(ahead, (back[1, 0] * x + back[1, 1] * y + back[1, 2]) / depth, -1)
    inside = [1 - np.abs(2 * place / max(side - 1, 1) - 1) for place, side in ((column, width), (row, height))]
    weight = np.maximum(np.minimum(*inside), 0).astype(np.float32)
    if picture.shape[2] == 0:
        return np.empty((*weight.shape, 0), dtype=np.float32), weight
    seen = bilinear(picture, np.clip(column, 0, width - 1), np.clip(row, 0, height - 1))
    return seen.astype(np.float32), weight


def _ways(
    root: int, joined: Sequence[tuple[int, int]], overlaps: dict[tuple[int, int], Overlap], count: int
) -> list[tuple[int, Matrix]]:
    """For each picture how many steps it is from the root, and the homography onto the root's plane."""
    found: dict[int, tuple[int, Matrix]] = {root: (0, np.eye(3))}
    while len(found) < count:
        for first, second in joined:
            between = overlaps[first, second].matrix
            assert between is not None
            if first in found and second not in found:
                steps, matrix = found[first]
                found[second] = (steps + 1, matrix @ between)
            elif second in found and first not in found:
                steps, matrix = found[second]
                found[first] = (steps + 1, matrix @ np.linalg.inv(between))
    return [(steps, matrix / matrix[2, 2]) for _, (steps, matrix) in sorted(found.items())]


def _area(corners: NDArray[np.float64]) -> float:
    """Of a quadrilateral (4, 2) that runs clockwise on the screen; negative where it is turned over."""
    x, y = corners.T
    return float((x * np.roll(y, -1) - y * np.roll(x, -1)).sum() / 2)


def _apart(overlaps: dict[tuple[int, int], Overlap], names: Sequence[str], group: Sequence[int]) -> str:
    """In words: which two pictures of different groups come nearest to overlapping."""
    between = {pair: each for pair, each in overlaps.items() if group[pair[0]] != group[pair[1]]}
    (first, second), best = max(between.items(), key=lambda item: item[1].agree - item[1].needed)
    which = f"{names[first]} and {names[second]}: " if len(names) > 2 else ""
    agree = f"{best.agree} match{'es agree' if best.agree != 1 else ' agrees'}"
    return f"{which}{agree}, {best.needed} are needed: do the pictures overlap?"
