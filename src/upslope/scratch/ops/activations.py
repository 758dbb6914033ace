"""Activation functions: the nonlinearity between linear layers, without which all of them would be one."""

import math

import numpy as np

from upslope.scratch.ops.elementwise import floats
from upslope.scratch.tape import masked
from upslope.scratch.tensor import Tensor


def relu(x: Tensor) -> Tensor:
    """The larger of x and 0, number by number: max(0, x) (Nair and Hinton 2010).

    The result has x's shape and dtype. Where x is positive the slope is 1, elsewhere 0, at exactly 0 as well:
    x.grad += g where x > 0, else 0. nan stays nan.
    relu([-2, 0, 3]) is [0, 0, 3], and g = [1, 1, 1] goes back as [0, 0, 1].
    """
    # Cut everything below zero.
    y = np.maximum(x.data, 0)
    # The gradient passes where the number passed.
    return x.then(y, lambda g: masked(g, y > 0))


def leaky_relu(x: Tensor, negative_slope: float = 0.01) -> Tensor:
    """x where it is positive, a small slope times x elsewhere, so that a dead unit can come back (Maas et al. 2013)."""
    a = x.data
    y = np.maximum(a, 0) + negative_slope * np.minimum(a, 0)
    slope = np.where(a > 0, 1, np.asarray(negative_slope, a.dtype))
    return x.then(y, lambda g: g * slope)


def elu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """x where it is positive, alpha (e^x - 1) elsewhere (Clevert et al. 2015, https://arxiv.org/abs/1511.07289)."""
    a = x.data
    below = alpha * np.expm1(np.minimum(a, 0))
    slope = np.where(a > 0, 1, below + alpha)
    return x.then(np.maximum(a, 0) + below, lambda g: g * slope)


def sigmoid(x: Tensor) -> Tensor:
    """The logistic function 1 / (1 + e^-x): any number to one between 0 and 1.

    The result s has x's shape and dtype. No x, however large or small, gives nan, inf or an overflow warning:
    sigmoid(-1000) is 0, sigmoid(1000) is 1. The slope is s (1 - s): x.grad += g * s * (1 - s).
    sigmoid([0, ln 3]) is [0.5, 0.75], with slopes [0.25, 0.1875].
    """
    # Times e^x above and below, 1 / (1 + e^-x) is e^x / (1 + e^x): the first cannot overflow for x >= 0, the second for
    # x <= 0. Both at once, with exponents that are never positive:
    s = np.exp(np.minimum(x.data, 0)) / (1 + np.exp(-np.abs(x.data)))
    # The slope of the logistic function is s (1 - s).
    return x.then(s, lambda g: g * s * (1 - s))


def tanh(x: Tensor) -> Tensor:
    """The hyperbolic tangent, a sigmoid from -1 to 1, with slope 1 - y^2."""
    y = np.tanh(floats(x))
    return x.then(y, lambda g: g * (1 - y * y))


def softplus(x: Tensor) -> Tensor:
    """log(1 + e^x), a rounded relu whose slope is the sigmoid of x."""
    a = x.data
    e = np.exp(-np.abs(a))
    return x.then(np.maximum(a, 0) + np.log1p(e), lambda g: g * np.exp(np.minimum(a, 0)) / (1 + e))


def silu(x: Tensor) -> Tensor:
    """x times its sigmoid, also called swish (Elfwing et al. 2017, https://arxiv.org/abs/1702.03118)."""
    a = x.data
    s = np.exp(np.minimum(a, 0)) / (1 + np.exp(-np.abs(a)))
    return x.then(a * s, lambda g: g * (s + a * s * (1 - s)))


def gelu(x: Tensor, approximate: str = "none") -> Tensor:
    """x times the probability that a standard normal number is below x (Hendrycks and Gimpel 2016).

    https://arxiv.org/abs/1606.08415. approximate="tanh" takes 0.5 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) for that
    probability, as GPT-2 does. NumPy has no error function, so "none" asks Python's for each number and is slow.
    """
    a = x.data
    if approximate == "tanh":
        scale = math.sqrt(2 / math.pi)
        t = np.tanh(scale * (a + 0.044715 * a * a * a))
        slope = 0.5 * (1 + t) + 0.5 * a * (1 - t * t) * scale * (1 + 3 * 0.044715 * a * a)
        return x.then(0.5 * a * (1 + t), lambda g: g * slope)
    if approximate != "none":
        raise ValueError(f'gelu knows approximate="none" and "tanh", not "{approximate}"')
    erf = np.array([math.erf(v) for v in (a / math.sqrt(2)).ravel().tolist()], dtype=a.dtype).reshape(a.shape)
    below = 0.5 * (1 + erf)
    density = np.exp(-0.5 * a * a) / math.sqrt(2 * math.pi)
    return x.then(a * below, lambda g: g * (below + a * density))
