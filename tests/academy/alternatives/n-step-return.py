"""Backwards from the last step: an end forgets what was added up behind it."""

import numpy as np


def n_step_return(rewards, terminated, truncated, *, gamma):
    count = len(rewards)
    total = np.zeros_like(rewards[0])
    factor = np.ones_like(rewards[0])
    last = np.full(np.shape(rewards[0]), count - 1)
    for k in range(count - 1, -1, -1):
        ended = terminated[k] | truncated[k]
        total = rewards[k] + gamma * np.where(ended, 0, total)
        factor = gamma * np.where(terminated[k], 0, np.where(truncated[k], 1, factor))
        last = np.where(ended, k, last)
    return total.astype(rewards.dtype), factor.astype(rewards.dtype), last
