"""Samples from the front of a random order, and errors without a root."""

import math

import numpy as np

from upslope.image.homography import homography


def ransac(source, target, *, threshold, rng, confidence=0.999, most=2000):
    n = len(source)
    winners = np.full(n, False)
    rows = np.column_stack([source, np.ones(n)])
    for draw in range(most if n >= 4 else 0):
        share = winners.sum() / n
        if share == 1 or (share > 0 and draw * math.log1p(-(share**4)) <= math.log(1 - confidence)):
            break
        four = rng.permutation(n)[:4]
        with np.errstate(all="ignore"):
            u, v, w = homography(source[four], target[four]) @ rows.T
            near = (u / w - target[:, 0]) ** 2 + (v / w - target[:, 1]) ** 2 <= threshold**2
        if np.count_nonzero(near) > np.count_nonzero(winners):
            winners = near
    return winners
