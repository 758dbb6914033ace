"""Exploration: now and then an action other than the one that looks best, or nothing better is ever found.

C. Watkins, "Learning from Delayed Rewards", 1989, https://www.cs.rhul.ac.uk/~chrisw/new_thesis.pdf; V. Mnih et al.,
"Human-level control through deep reinforcement learning", 2015, https://doi.org/10.1038/nature14236, methods.
"""

import numpy as np
from numpy.typing import NDArray


def epsilon_greedy(values: NDArray[np.floating], *, epsilon: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """One action for each of N states: with probability epsilon any of the A actions, else the best by `values` (N, A).

    Each state decides for itself. A random action is drawn from all A, the best among them, so with one best action it
    is taken with probability 1 - epsilon + epsilon / A. Where several are equally good, each of them is as likely. The
    result is (N,), int64. With values [[1, 3], [2, 0]] and epsilon 0 the result is [1, 0]. Mnih et al. 2015,
    algorithm 1.
    """
    n, actions = values.shape
    # The best action; among several that are equally good, the one with the highest of so many random numbers.
    best = values == values.max(axis=1, keepdims=True)
    greedy = np.where(best, rng.random((n, actions)), -1).argmax(axis=1)
    # Any action, where a coin says so.
    explores = rng.random(n) < epsilon
    return np.where(explores, rng.integers(actions, size=n), greedy)
