"""Tiles as a list first, with weights that are summed in front of any forward pass."""

import itertools

import numpy as np

from upslope.image.tiles import starts, window


def tile_and_blend(picture, forward, *, tile, overlap):
    if overlap < 0 or any(overlap >= side for side in tile):
        raise ValueError(f"overlap={overlap} is not smaller than the tiles of {tile[0]} x {tile[1]}")
    size = picture.shape[1:]
    before = [max(0, t - s) // 2 for t, s in zip(tile, size, strict=True)]
    lines = []
    for t, s, b in zip(tile, size, before, strict=True):
        at = np.arange(-b, max(t, s) - b) % (2 * s)  # there and back again
        lines.append(np.where(at < s, at, 2 * s - 1 - at))
    grown = picture[:, lines[0]][:, :, lines[1]]
    corners = list(itertools.product(*(starts(len(at), t, overlap) for at, t in zip(lines, tile, strict=True))))
    parts = [(..., slice(y, y + tile[0]), slice(x, x + tile[1])) for y, x in corners]
    weight = window(*tile, overlap)
    counted = np.zeros(grown.shape[1:], dtype=np.float32)
    for part in parts:
        counted[part] += weight
    whole = 0
    for part in parts:
        said = forward(grown[part][None])[0]
        placed = np.zeros((len(said), *counted.shape), dtype=np.float32)
        placed[part] = said * (weight / counted[part])
        whole = whole + placed
    return whole[:, before[0] : before[0] + size[0], before[1] : before[1] + size[1]]
