"""By the hyperbolic tangent, which NumPy computes without overflow."""

import numpy as np

from upslope.scratch.tensor import Tensor


def sigmoid(x: Tensor) -> Tensor:
    t = np.tanh(x.data / 2)
    return x.then((t + 1) / 2, lambda g: g * (1 - t**2) / 4)
