"""Conv2d: a layer of filters that slide over images."""

import math

import numpy as np

from upslope.scratch import init, ops
from upslope.scratch.nn.module import Module, Parameter
from upslope.scratch.tensor import Tensor


class Conv2d(Module):
    """Filters of kernel_size x kernel_size over (B, in_channels, H, W): see ops.conv2d. They start as in PyTorch."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        stride: int = 1,
        padding: int = 0,
        bias: bool = True,
        rng: np.random.Generator | None = None,
    ) -> None:
        rng = rng or np.random.default_rng()
        shape = (out_channels, in_channels, kernel_size, kernel_size)
        bound = 1 / math.sqrt(in_channels * kernel_size**2)
        self.weight = Parameter(init.uniform(shape, bound, rng=rng))
        self.bias = Parameter(init.uniform((out_channels,), bound, rng=rng)) if bias else None
        self.stride = stride
        self.padding = padding

    def forward(self, x: Tensor) -> Tensor:
        return ops.conv2d(x, self.weight, self.bias, stride=self.stride, padding=self.padding)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, stride={self.stride}, padding={self.padding}"
