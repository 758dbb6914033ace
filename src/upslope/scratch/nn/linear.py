"""Linear: every output is a weighted sum of all inputs."""

import math

import numpy as np

from upslope.scratch import init
from upslope.scratch.nn.module import Module, Parameter
from upslope.scratch.ops import linear
from upslope.scratch.tensor import Tensor


class Linear(Module):
    """A layer of neurons: y = x W^T + b.

    x is (..., in_features), the result (..., out_features) of its dtype. `weight` is a Parameter of shape
    (out_features, in_features) and `bias` one of shape (out_features,), or None with bias=False; both are float32. They
    start uniform between -1 / sqrt(in_features) and 1 / sqrt(in_features), as in PyTorch, drawn from `rng` (a fresh
    np.random.default_rng() if None), the weight first.
    With weight [[1, 2], [3, 4]] and bias [10, 20], x = [1, 1] becomes [13, 27].
    """

    def __init__(
        self, in_features: int, out_features: int, *, bias: bool = True, rng: np.random.Generator | None = None
    ) -> None:
        rng = rng or np.random.default_rng()
        # One row of weights per neuron, small enough that a sum over many inputs stays small.
        bound = 1 / math.sqrt(in_features)
        self.weight = Parameter(init.uniform((out_features, in_features), bound, rng=rng))
        # One bias per neuron, so that it need not be silent when its inputs are.
        self.bias = Parameter(init.uniform((out_features,), bound, rng=rng)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        # The weighted sums of all neurons at once, and their biases: x W^T + b.
        return linear(x, self.weight, self.bias)
