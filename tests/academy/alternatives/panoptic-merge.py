"""Distances of all pixels to all centers at once, and votes in one table."""

import numpy as np


def panoptic_merge(classes, heatmap, offsets, *, things, threshold=0.1, window=7, top=200, stuff_area=0):
    height, width = heatmap.shape
    if classes.shape != (height, width) or offsets.shape != (2, height, width):
        raise ValueError(
            f"classes {classes.shape}, heatmap {heatmap.shape} and offsets {offsets.shape} are not of one picture"
        )
    reach = window // 2
    found = []
    for r in range(height):
        for c in range(width):
            near = heatmap[max(0, r - reach) : r + reach + 1, max(0, c - reach) : c + reach + 1]
            if heatmap[r, c] > threshold and heatmap[r, c] >= near.max():
                found.append((-heatmap[r, c], r, c))
    centers = np.array([place[1:] for place in sorted(found)[:top]]).reshape(-1, 2)
    wanted = np.zeros(1 + max([int(classes.max()), *things]), dtype=bool)
    wanted[list(things)] = True
    thing = wanted[classes]
    merged = np.where(thing, -1, classes.astype(np.int64))
    numbers = np.zeros((height, width), dtype=np.int64)
    if len(centers) and thing.any():
        aims = np.indices((height, width)) + offsets
        away = ((aims[:, thing][:, :, None] - centers.T[:, None]) ** 2).sum(axis=0)
        own = away.argmin(axis=1)
        votes = np.zeros((len(centers), len(wanted)), dtype=int)
        np.add.at(votes, (own, classes[thing]), 1)
        numbers[thing] = own + 1
        merged[thing] = votes.argmax(axis=1)[own]
    areas = np.bincount(classes[~thing], minlength=len(wanted))
    merged[~thing & (areas[classes] < stuff_area)] = -1
    return merged, numbers
