"""Actions as draws from probabilities, by where a random number falls."""

import numpy as np


def epsilon_greedy(values, *, epsilon, rng):
    best = values >= np.max(values, axis=1)[:, None]
    probabilities = epsilon / values.shape[1] + (1 - epsilon) * best / best.sum(axis=1, keepdims=True)
    below = probabilities.cumsum(axis=1)[:, :-1] <= rng.random((len(values), 1))
    return below.sum(axis=1)
