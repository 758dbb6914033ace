"""Cut by cut from the end, so that the best precision from there on is at hand."""

import numpy as np


def average_precision(scores, hits, *, objects):
    if objects <= 0:
        raise ValueError(f"objects={objects}, and there is no recall of nothing")
    order = sorted(range(len(scores)), key=lambda k: scores[k], reverse=True)
    right = np.cumsum([bool(hits[k]) for k in order], dtype=int)
    best = np.zeros(101)
    for k in reversed(range(len(order))):
        reached = np.arange(101) <= 100 * right[k] / objects
        best[reached] = np.maximum(best[reached], right[k] / (k + 1))
    return float(best.sum() / 101)
