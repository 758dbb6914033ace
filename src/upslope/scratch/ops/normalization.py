"""Normalisation: numbers brought to mean 0 and variance 1, then scaled and shifted by learned amounts.

The normalised numbers z = (x - mean) / std of a group depend on every number of the group. What would only move the
group's mean or its spread changes nothing, so it is taken out of the gradient g of z:

    x.grad += (g - mean(g) - z mean(g z)) / std
"""

import numpy as np

from upslope.scratch.tensor import Tensor


def batch_norm(
    x: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    *,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Each channel normalised over the batch and all positions (Ioffe and Szegedy 2015).

    https://arxiv.org/abs/1502.03167. x is (B, C) or (B, C, ...), the other tensors (C,). In training the batch's own
    mean and variance are used, and the running ones move towards them by `momentum` (the variance in its n - 1 form).
    Otherwise the running ones are used, or the batch's own if there are none.
    """
    axes = (0, *range(2, x.ndim))
    channel = (1, -1) + (1,) * (x.ndim - 2)
    n = x.data.size // x.shape[1]
    if running_mean is None or running_var is None or training:
        if n < 2:
            raise ValueError(f"batch_norm needs several numbers per channel, got a tensor of shape {x.shape}")
        mean = x.data.mean(axis=axes)
        z = x.data - mean.reshape(channel)
        variance = np.square(z).mean(axis=axes)
        if running_mean is not None and running_var is not None:
            # `+=` on the arrays themselves: the running statistics are no part of the graph.
            running_mean.data += momentum * (mean - running_mean.data)
            running_var.data += momentum * (variance * (n / (n - 1)) - running_var.data)
        fixed = False
    else:
        z = x.data - running_mean.data.reshape(channel)
        variance = running_var.data
        fixed = True
    scale = (1 / np.sqrt(variance + eps)).astype(z.dtype).reshape(channel)
    z *= scale
    out = z if weight is None else z * weight.data.reshape(channel)
    if bias is not None:
        out = np.add(out, bias.data.reshape(channel), out=None if out is z else out)
    slope = scale if weight is None else scale * weight.data.reshape(channel)

    def gradient_of_x(g: np.ndarray) -> np.ndarray:
        if fixed:
            return np.asarray(g * slope)
        # (g - mean(g) - z mean(g z)) times the slope, in one array.
        gradient: np.ndarray = g * z
        np.multiply(z, gradient.mean(axis=axes, keepdims=True), out=gradient)
        np.subtract(g, gradient, out=gradient)
        gradient -= g.mean(axis=axes, keepdims=True)
        gradient *= slope
        return gradient

    return Tensor.of(
        out,
        (x, gradient_of_x),
        (weight, lambda g: (g * z).sum(axis=axes)),
        (bias, lambda g: g.sum(axis=axes)),
    )


def layer_norm(
    x: Tensor,
    normalized_shape: int | tuple[int, ...],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    *,
    eps: float = 1e-5,
) -> Tensor:
    """Each sample normalised over its last dimensions (Ba et al. 2016, https://arxiv.org/abs/1607.06450).

    normalized_shape: the sizes of those dimensions, which are also the shape of weight and bias.
    """
    shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    if x.shape[-len(shape) :] != shape:
        raise ValueError(f"layer_norm over {shape} does not fit a tensor of shape {x.shape}")
    axes = tuple(range(-len(shape), 0))
    z = x.data - x.data.mean(axis=axes, keepdims=True)
    scale = 1 / np.sqrt(np.square(z).mean(axis=axes, keepdims=True) + eps)
    z *= scale
    w = None if weight is None else weight.data
    out = z if w is None else z * w
    if bias is not None:
        out = out + bias.data

    def gradient_of_x(g: np.ndarray) -> np.ndarray:
        g = g if w is None else g * w
        inner = g - g.mean(axis=axes, keepdims=True) - z * (g * z).mean(axis=axes, keepdims=True)
        return np.asarray(inner * scale)

    return Tensor.of(out, (x, gradient_of_x), (weight, lambda g: g * z), (bias, lambda g: g))
