"""Boxes for checks: in xyxy, all with an area, no two edges in one place."""

import numpy as np

__all__ = ["boxes", "overlaps", "pair"]


def boxes(rng, count, *, size=10.0):
    """(count, 4): of any size up to all of size x size, and no coordinate twice, so that a small step changes none."""
    lines = 2 * count + 4
    edges = np.stack([np.stack([rng.permutation(lines)[:2] for _ in range(count)] or [np.zeros(2)]) for _ in "xy"])
    edges = np.sort(edges, axis=2)[:, :count] + rng.uniform(0.1, 0.9, (2, count, 2)).round(2)
    return (edges / (lines + 1) * size).transpose(1, 2, 0).reshape(count, 4).round(4)


def pair(rng, count):
    """The same number of boxes twice."""
    both = boxes(rng, 2 * count)
    return both[:count], both[count:]


def overlaps(a, b):
    """IoU, union and the area of the box around both of two boxes, in Python's numbers."""
    wide, high = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(wide, 0.0) * max(high, 0.0)
    union = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)) - shared
    hull = (max(a[2], b[2]) - min(a[0], b[0])) * (max(a[3], b[3]) - min(a[1], b[1]))
    return shared / union if union else 0.0, union, hull
