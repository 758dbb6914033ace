"""From scores to probabilities: logsumexp, softmax and log_softmax, none of which overflows."""

import numpy as np

from upslope.scratch.ops.elementwise import floats
from upslope.scratch.tensor import Tensor


def logsumexp(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    """A smooth maximum: log sum_j exp(x_j) along `dim`.

    The result has x's dtype and x's shape without `dim` (with size 1 there if keepdim). Scores of +-1000 give no nan
    and no inf; a score of -inf adds nothing to the sum, and a row of nothing but -inf gives -inf.
    Backward: each score's gradient is its softmax, x.grad += g * exp(x - logsumexp(x)).
    logsumexp([0, ln 3]) is ln 4, and g = 1 goes back as [0.25, 0.75].
    """
    # Shift so that the largest score is 0: exp cannot overflow. A row of nothing but -inf is not shifted.
    top = x.data.max(axis=dim, keepdims=True)
    top = np.where(np.isfinite(top), top, 0)
    # Exponentiate, sum, and shift the logarithm back.
    e = np.exp(x.data - top)
    total = e.sum(axis=dim, keepdims=True)
    with np.errstate(divide="ignore"):
        out = np.log(total) + top
    # Each score's share of the sum is its softmax: that much of g is its own.
    return x.then(
        out if keepdim else out.squeeze(dim),
        lambda g: (g if keepdim else np.expand_dims(g, dim)) * e / total,
    )


def softmax(x: Tensor, dim: int = -1) -> Tensor:
    """Probabilities from scores: exp(x_i) / sum_j exp(x_j) along `dim`.

    The result p has x's shape and dtype and sums to 1 along `dim`. Scores of +-1000 give no nan and no inf; a score of
    -inf gets probability 0 as long as a finite one stands beside it.
    Backward: x.grad += p * (g - sum_j g_j p_j), the sum along `dim`.
    softmax([0, ln 3]) is [0.25, 0.75], and g = [1, 0] goes back as [0.1875, -0.1875].
    """
    # Shift so that the largest score is 0: exp cannot overflow, and the ratio stays the same.
    shifted = x.data - x.data.max(axis=dim, keepdims=True)
    # Exponentiate and divide by the sum.
    e = np.exp(shifted)
    p = e / e.sum(axis=dim, keepdims=True)
    # The Jacobian is diag(p) - p p^T, so g goes back as p * (g - <g, p>).
    return x.then(p, lambda g: p * (g - (g * p).sum(axis=dim, keepdims=True)))


def log_softmax(x: Tensor, dim: int = -1) -> Tensor:
    """Logarithms of softmax probabilities, x - logsumexp(x), exact where softmax itself would round to 0.

    x.grad += g - softmax(x) * sum_j g_j, the sum along `dim`.
    """
    a = floats(x)
    shifted = a - a.max(axis=dim, keepdims=True, initial=-np.inf)
    y = shifted - np.log(np.exp(shifted).sum(axis=dim, keepdims=True))
    return x.then(y, lambda g: g - np.exp(y) * g.sum(axis=dim, keepdims=True))
