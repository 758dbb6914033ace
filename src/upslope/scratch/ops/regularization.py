"""Dropout: noise in training that keeps a network from relying on any single unit."""

import numpy as np

from upslope.scratch.tensor import Tensor


def dropout(x: Tensor, p: float = 0.5, *, training: bool = True, rng: np.random.Generator) -> Tensor:
    """Each number becomes 0 with probability p; the others grow by 1 / (1 - p), so that the expected value stays.

    Gradients pass where the number passed, grown alike. Outside of training x comes back as it is (Srivastava et al.
    2014).
    """
    if not 0 <= p <= 1:
        raise ValueError(f"dropout: p is a probability, got {p}")
    if not training or p == 0:
        return x
    if p == 1:
        return x.then(np.zeros_like(x.data), lambda g: np.zeros_like(g))
    kept = (rng.random(x.shape, dtype=np.float32) >= p).astype(x.dtype)
    kept *= 1 / (1 - p)
    return x.then(x.data * kept, lambda g: g * kept)
