"""Layers that normalise: BatchNorm over a batch, LayerNorm within each sample."""

import numpy as np

from upslope.scratch import ops
from upslope.scratch.nn.module import Module, Parameter
from upslope.scratch.tensor import Tensor


class BatchNorm(Module):
    """Batch normalisation of (B, C) or (B, C, ...), PyTorch's BatchNorm1d, 2d and 3d in one; see ops.batch_norm."""

    def __init__(self, num_features: int, *, eps: float = 1e-5, momentum: float = 0.1) -> None:
        self.weight = Parameter(np.ones(num_features, dtype=np.float32))
        self.bias = Parameter(np.zeros(num_features, dtype=np.float32))
        self.running_mean = Tensor(np.zeros(num_features, dtype=np.float32))
        self.running_var = Tensor(np.ones(num_features, dtype=np.float32))
        self.num_batches_tracked = Tensor(np.zeros((), dtype=np.int64))
        self.eps = eps
        self.momentum = momentum

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.num_batches_tracked.data += 1
        return ops.batch_norm(
            x,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            training=self.training,
            momentum=self.momentum,
            eps=self.eps,
        )

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, eps={self.eps}, momentum={self.momentum}"


class LayerNorm(Module):
    """Layer normalisation over the last dimensions, whose sizes are `normalized_shape`; see ops.layer_norm."""

    def __init__(self, normalized_shape: int | tuple[int, ...], *, eps: float = 1e-5) -> None:
        self.normalized_shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        self.weight = Parameter(np.ones(self.normalized_shape, dtype=np.float32))
        self.bias = Parameter(np.zeros(self.normalized_shape, dtype=np.float32))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return ops.layer_norm(x, self.normalized_shape, self.weight, self.bias, eps=self.eps)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, eps={self.eps}"
