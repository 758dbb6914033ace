"""Pictures of any size through a network that looks at one: overlapping tiles, blended where they meet.

O. Ronneberger et al., "U-Net", 2015, https://arxiv.org/abs/1505.04597, figure 2: what lies near a tile's border was
answered with half of its surroundings missing, so tiles overlap, and the middle of each counts most.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Forward = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def starts(length: int, tile: int, overlap: int) -> list[int]:
    """Where tiles begin along a side, so that neighbors share at least `overlap` and the last one ends at the end."""
    if length <= tile:
        return [0]
    count = -(-(length - overlap) // (tile - overlap))
    return [round(k * (length - tile) / (count - 1)) for k in range(count)]


def window(height: int, width: int, margin: int) -> NDArray[np.float32]:
    """How much each place of a tile counts: 1 in the middle, in a straight line down to near 0 at the border."""

    def along(length: int) -> NDArray[np.float64]:
        away = np.minimum(np.arange(length), np.arange(length)[::-1]) + 1
        return np.minimum(away / (margin + 1), 1.0)

    return np.asarray(np.outer(along(height), along(width)), dtype=np.float32)


def tile_and_blend(
    picture: NDArray[np.float32], forward: Forward, *, tile: tuple[int, int], overlap: int
) -> NDArray[np.float32]:
    """What `forward` says of a picture (C, H, W), (K, H, W): of tiles (1, C, h, w) it gives (1, K, h, w).

    Neighboring tiles share at least `overlap` pixels, and each place is the mean of what the tiles say of it, weighted
    by how far it lies from their borders: where tiles of 4 x 4 share 2 columns and say 3 and 6, the row is [3, 3, 4, 5,
    6, 6]. A picture that is smaller than a tile is mirrored at its edges until it is not; half of that lies on each
    side. The order of the tiles does not matter, and a forward pass that looks at single pixels gives what it gives for
    the whole. An overlap that is no smaller than a tile's side is refused: ValueError says "overlap=64 is not smaller
    than the tiles of 64 x 64".
    """
    if not 0 <= overlap < min(tile):
        raise ValueError(f"overlap={overlap} is not smaller than the tiles of {tile[0]} x {tile[1]}")
    height, width = picture.shape[1:]
    # A small picture grows by its mirror image, half on each side.
    missing = (max(0, tile[0] - height), max(0, tile[1] - width))
    top, left = missing[0] // 2, missing[1] // 2
    sides = ((top, missing[0] - top), (left, missing[1] - left))
    grown = np.pad(picture, ((0, 0), *sides), mode="symmetric")
    weight = window(*tile, overlap)
    total: NDArray[Any] | None = None
    counted = np.zeros(grown.shape[1:])
    for y in starts(grown.shape[1], tile[0], overlap):
        for x in starts(grown.shape[2], tile[1], overlap):
            part = np.s_[..., y : y + tile[0], x : x + tile[1]]
            (said,) = forward(grown[part][None])
            if total is None:
                total = np.zeros((len(said), *grown.shape[1:]), dtype=np.float32)
            # Soft seams: the farther from the border of its tile, the more an answer counts.
            total[part] += said * weight
            counted[part] += weight
    assert total is not None
    np.divide(total, counted, out=total)
    return total[:, top : top + height, left : left + width]


def tile_and_crop(
    picture: NDArray[np.float32], forward: Forward, *, tile: int, reach: int, grid: int = 1
) -> NDArray[np.float32]:
    """What `forward` gives for a picture (C, H, W), (K, H, W) of the same size, in tiles of which the middle is taken.

    Each tile of `tile` x `tile` pixels is asked about with `reach` pixels around it, as far as there are any. If no
    pixel farther away than that counts for an answer, this is what the whole gives, and there are no seams: nothing is
    blended. Both are rounded up to multiples of `grid`, the step of the network's coarsest maps, so that their places
    are those of the whole.
    """
    tile, reach = (-(-length // grid) * grid for length in (tile, reach))
    height, width = picture.shape[1:]
    rows = []
    for y in range(0, height, tile):
        row = []
        for x in range(0, width, tile):
            top, left = max(0, y - reach), max(0, x - reach)
            (said,) = forward(picture[None, :, top : y + tile + reach, left : x + tile + reach])
            row.append(said[:, y - top :, x - left :][:, :tile, :tile])
        rows.append(np.concatenate(row, axis=2))
    return np.concatenate(rows, axis=1)
