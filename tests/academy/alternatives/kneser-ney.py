"""With the division where there is something to divide by, and the rest copied."""

import numpy as np


def kneser_ney(count, total, distinct, lower, *, discount):
    count, total, distinct, lower = map(np.asarray, (count, total, distinct, lower))
    taken = np.where(count > 0, discount, 0.0)
    probability = np.array(np.broadcast_to(lower, np.broadcast(count, lower).shape), dtype=np.float64)
    where = np.broadcast_to(total > 0, probability.shape)
    shared = np.maximum(count - taken, 0) + discount * distinct * lower
    np.divide(shared, total, out=probability, where=where)
    return probability
