"""Contrast limited adaptive histogram equalization: each part of the picture by its own histogram, within limits.

S. M. Pizer et al., "Adaptive Histogram Equalization and Its Variations", 1987,
https://doi.org/10.1016/S0734-189X(87)80186-X. K. Zuiderveld, "Contrast Limited Adaptive Histogram Equalization",
Graphics Gems IV, 1994, section VIII.5.

- The picture is cut into tiles, and each has its table of grey levels.
- Contrast limited: what a histogram has above the limit is shared out among all levels, so that the table is nowhere
  steeper than that and noise in even areas stays faint.
- Between the middles of tiles the tables are interpolated, so that no borders show.
"""

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]


def clahe(image: Bytes, *, limit: float = 2.0, tiles: tuple[int, int] = (8, 8)) -> Bytes:
    """Grey levels (H, W), uint8, equalized in tiles (rows, columns); a level fills at most `limit` times its share.

    limit: 1 leaves nearly no contrast to gain, 0 sets no limit.
    """
    if image.ndim != 2 or image.dtype != np.uint8:
        raise ValueError(f"clahe takes a grey picture (H, W) of uint8, not {image.dtype} of shape {image.shape}")
    if min(tiles) < 1 or limit < 0:
        raise ValueError(f"clahe needs at least one tile and a limit that is not negative, got {tiles} and {limit:g}")
    rows, columns = tiles
    height, width = image.shape
    uneven = height % rows != 0 or width % columns != 0
    # As OpenCV does, both sides grow as soon as one does not fit.
    grown = np.pad(image, ((0, rows - height % rows), (0, columns - width % columns)), "reflect") if uneven else image
    tall, wide = grown.shape[0] // rows, grown.shape[1] // columns
    parts = grown.reshape(rows, tall, columns, wide).swapaxes(1, 2).reshape(rows * columns, -1)
    tables = _tables(parts, limit).reshape(rows, columns, 256)
    up, down, y = _between(height, tall, rows)
    left, right, x = _between(width, wide, columns)
    y, level = y[:, np.newaxis], image
    above = _lookup(tables, up, left, level) * (1 - x) + _lookup(tables, up, right, level) * x
    below = _lookup(tables, down, left, level) * (1 - x) + _lookup(tables, down, right, level) * x
    return np.asarray(np.rint(above * (1 - y) + below * y), dtype=np.uint8)


def _tables(parts: Bytes, limit: float) -> NDArray[np.float32]:
    """What each level becomes in each tile: tiles (T, pixels) to tables (T, 256)."""
    count, pixels = parts.shape
    numbers = parts + 256 * np.arange(count)[:, np.newaxis]
    counts = np.bincount(numbers.ravel(), minlength=256 * count).reshape(count, 256)
    if limit > 0:
        most = max(1, int(limit * pixels / 256))
        cut = np.minimum(counts, most)
        over = (counts - cut).sum(axis=1)
        counts = cut + (over // 256)[:, np.newaxis]
        # What cannot be shared out evenly goes to levels that lie evenly.
        for tile, rest in enumerate(over % 256):
            if rest:
                counts[tile, :: max(256 // int(rest), 1)][: int(rest)] += 1
    scale = np.float32(255) / np.float32(pixels)
    table = np.rint(np.cumsum(counts, axis=1).astype(np.float32) * scale)
    return np.asarray(np.clip(table, 0, 255), dtype=np.float32)


def _between(length: int, tile: int, count: int) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
    """For each pixel the tiles whose middles lie before and behind it, and how near the second one is."""
    place = np.arange(length, dtype=np.float32) * np.float32(1 / tile) - np.float32(0.5)
    first = np.floor(place).astype(np.intp)
    return np.maximum(first, 0), np.minimum(first + 1, count - 1), place - first


def _lookup(
    tables: NDArray[np.float32], row: NDArray[np.intp], column: NDArray[np.intp], level: Bytes
) -> NDArray[np.float32]:
    return np.asarray(tables[row[:, np.newaxis], column, level], dtype=np.float32)
