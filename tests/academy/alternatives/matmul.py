"""Every product of two numbers written into one big array, then summed: slow, and not one @ in it."""

import numpy as np

from upslope.scratch.tensor import Tensor


def matmul(x: Tensor, y: Tensor) -> Tensor:
    if not (x.ndim and y.ndim):
        raise ValueError(f"shapes {x.shape} and {y.shape} do not fit")
    a = x.data if x.ndim > 1 else x.data.reshape(1, -1)
    b = y.data if y.ndim > 1 else y.data.reshape(-1, 1)
    if a.shape[-1] != b.shape[-2]:
        raise ValueError(f"shapes {x.shape} and {y.shape} do not fit")
    left, right = np.expand_dims(a, -1), np.expand_dims(b, -3)
    out = (left * right).sum(axis=-2)
    inner = out.shape

    def to_x(g):
        grown = (np.expand_dims(g.reshape(inner), -2) * right).sum(axis=-1)
        return grown[..., 0, :] if x.ndim == 1 else grown

    def to_y(g):
        grown = (np.expand_dims(g.reshape(inner), -2) * left).sum(axis=-3)
        return grown[..., 0] if y.ndim == 1 else grown

    if y.ndim == 1:
        out = out[..., 0]
    if x.ndim == 1:
        out = out[..., 0, :] if y.ndim > 1 else out[..., 0]
    return Tensor.of(out, (x, to_x), (y, to_y))
