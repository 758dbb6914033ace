"""Initial weights: random, and just large enough that signals neither fade nor explode from layer to layer."""

import math

import numpy as np

from upslope.scratch.tape import Array


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """How many numbers each output of a weight is made from (fan in), and each input goes to (fan out).

    A linear weight is (out, in), a convolution's (out, in, height, width).
    """
    if len(shape) < 2:
        raise ValueError(f"a weight of shape {shape} has no fan: at least two dimensions are needed")
    window = math.prod(shape[2:])
    return shape[1] * window, shape[0] * window


def uniform(shape: tuple[int, ...], bound: float, *, rng: np.random.Generator) -> Array:
    """Numbers between -bound and bound, float32."""
    return rng.uniform(-bound, bound, shape).astype(np.float32)


def kaiming_uniform(shape: tuple[int, ...], *, a: float = 0.0, rng: np.random.Generator) -> Array:
    """Uniform with variance 2 / ((1 + a^2) fan in), which a (leaky, with slope a) relu keeps (He et al. 2015).

    https://arxiv.org/abs/1502.01852. With a = sqrt(5) the bound is 1 / sqrt(fan in), PyTorch's default for its layers.
    """
    fan_in, _ = fans(shape)
    return uniform(shape, math.sqrt(6 / ((1 + a * a) * fan_in)), rng=rng)


def kaiming_normal(shape: tuple[int, ...], *, a: float = 0.0, rng: np.random.Generator) -> Array:
    """Normal with the same variance as kaiming_uniform."""
    fan_in, _ = fans(shape)
    return (math.sqrt(2 / ((1 + a * a) * fan_in)) * rng.standard_normal(shape)).astype(np.float32)


def xavier_uniform(shape: tuple[int, ...], *, gain: float = 1.0, rng: np.random.Generator) -> Array:
    """Uniform with variance 2 gain^2 / (fan in + fan out), for tanh and sigmoid (Glorot and Bengio 2010)."""
    fan_in, fan_out = fans(shape)
    return uniform(shape, gain * math.sqrt(6 / (fan_in + fan_out)), rng=rng)


def xavier_normal(shape: tuple[int, ...], *, gain: float = 1.0, rng: np.random.Generator) -> Array:
    """Normal with the same variance as xavier_uniform."""
    fan_in, fan_out = fans(shape)
    return (gain * math.sqrt(2 / (fan_in + fan_out)) * rng.standard_normal(shape)).astype(np.float32)
