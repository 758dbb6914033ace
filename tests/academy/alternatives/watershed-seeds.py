"""A queue for each height, and always the highest that is not empty."""

import numpy as np


def watershed(heights, seeds, mask):
    if len({heights.shape, seeds.shape, mask.shape}) > 1:
        raise ValueError(f"heights {heights.shape}, seeds {seeds.shape} and mask {mask.shape} are not of one shape")
    rows, columns = heights.shape
    levels, rank = np.unique(heights, return_inverse=True)
    rank = rank.reshape(heights.shape)
    labels = np.where(mask, seeds, 0).astype(np.int32)
    queues = [[] for _ in levels]
    for r, c in zip(*np.nonzero(labels), strict=True):
        queues[rank[r, c]].append((int(r), int(c)))
    level = len(queues) - 1
    while level >= 0:
        if not queues[level]:
            level -= 1
            continue
        r, c = queues[level].pop(0)
        for down, across in ((-1, 0), (0, -1), (0, 1), (1, 0)):
            y, x = r + down, c + across
            if 0 <= y < rows and 0 <= x < columns and mask[y, x] and not labels[y, x]:
                labels[y, x] = labels[r, c]
                queues[rank[y, x]].append((y, x))
                level = max(level, int(rank[y, x]))
    return labels
