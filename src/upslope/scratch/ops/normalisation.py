"""Normalisation: numbers brought to mean 0 and variance 1, then scaled and shifted by learned amounts.

Both operations divide by a spread that depends on every number of a group, so a number's gradient loses what would only
move the group's mean or its spread: (g' - mean(g') - z mean(g' z)) / std, with z the normalised numbers and g' = g * weight.
"""

import math

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
    """Each channel normalised over the batch and all positions (Ioffe and Szegedy 2015, https://arxiv.org/abs/1502.03167).

    x is (B, C) or (B, C, ...), the others (C,). In training the batch's own mean and variance are used, and the running ones
    move towards them by `momentum` (the variance in its n - 1 form); otherwise the running ones are used.
    """
    a = x.data
    axes = (0, *range(2, x.ndim))
    channel = (1, -1) + (1,) * (x.ndim - 2)
    own = training or running_mean is None or running_var is None
    if own:
        n = a.size // a.shape[1]
        if n < 2:
            raise ValueError(f"batch_norm needs more than one number per channel in training, got a tensor of shape {x.shape}")
        mean = a.mean(axis=axes)
        centred = a - mean.reshape(channel)
        variance = np.square(centred).mean(axis=axes)
        if running_mean is not None and running_var is not None:
            running_mean.data += (momentum * (mean - running_mean.data)).astype(running_mean.dtype)
            running_var.data += (momentum * (variance * n / (n - 1) - running_var.data)).astype(running_var.dtype)
    else:
        assert running_mean is not None
        assert running_var is not None
        centred = a - running_mean.data.reshape(channel)
        variance = running_var.data
    scale = (1 / np.sqrt(variance + eps)).astype(a.dtype).reshape(channel)
    z = centred * scale
    w = 1 if weight is None else weight.data.reshape(channel)
    out = z if weight is None else z * w
    if bias is not None:
        out = out + bias.data.reshape(channel)

    def gradient_of_x(g: np.ndarray) -> np.ndarray:
        g = g * w
        if not own:
            return g * scale
        return (g - g.mean(axis=axes, keepdims=True) - z * (g * z).mean(axis=axes, keepdims=True)) * scale

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
    count = math.prod(shape)
    a = x.data
    centred = a - a.mean(axis=axes, keepdims=True)
    scale = 1 / np.sqrt(np.square(centred).sum(axis=axes, keepdims=True) / count + eps)
    z = centred * scale
    out = z if weight is None else z * weight.data
    if bias is not None:
        out = out + bias.data

    def gradient_of_x(g: np.ndarray) -> np.ndarray:
        if weight is not None:
            g = g * weight.data
        return (g - g.mean(axis=axes, keepdims=True) - z * (g * z).mean(axis=axes, keepdims=True)) * scale

    return Tensor.of(out, (x, gradient_of_x), (weight, lambda g: g * z), (bias, lambda g: g))
