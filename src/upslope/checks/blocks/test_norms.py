"""What layer_norm must do."""

from functools import partial

import numpy as np
import torch
from torch.nn import functional as F

from upslope.blocks import norms
from upslope.checks import grades, wrong
from upslope.checks.blocks.tensors import gradients, laid, tensor
from upslope.checks.expect import close, tensor_of
from upslope.checks.laws import Call, keeps_laws
from upslope.checks.samples import some, spelled

SHAPES = ((2,), (1, 3), (3, 4), (2, 3, 5), (2, 1, 2, 3))


def row_by_row(x, weight, bias, eps):
    """Equation 4 in float64 NumPy, one row after the other."""
    out = np.zeros(x.shape)
    for where in np.ndindex(x.shape[:-1]):
        row = x[where]
        mean = row.sum() / row.size
        variance = ((row - mean) ** 2).sum() / row.size
        out[where] = (row - mean) / np.sqrt(variance + eps) * weight + bias
    return out


def drawn(rng, shape):
    """Random numbers with a scale and a shift for each feature."""
    return some(rng, *shape, spread=2), some(rng, shape[-1]), some(rng, shape[-1])


def plain(x, dtype=torch.float64, **settings):
    """The norm alone, with weights of 1 and biases of 0."""
    there = tensor(x, dtype)
    return norms.layer_norm(there, torch.ones_like(there[0]), torch.zeros_like(there[0]), **settings)


@grades(norms.layer_norm)
def test_shape_and_dtype(rng):
    """shape and dtype of x, whatever stands in front of the features"""
    for dtype in (torch.float32, torch.float64):
        for shape in (*SHAPES, (0, 3)):
            x, weight, bias = (tensor(value, dtype) for value in drawn(rng, shape))
            kind = str(dtype).removeprefix("torch.")
            tensor_of(norms.layer_norm(x, weight, bias), shape, dtype=kind, case=f"{kind} numbers of shape {shape}")


@grades(norms.layer_norm)
def test_by_hand(rng):
    """layer_norm([1, 3], weight=[1, 2], bias=[0, 2], eps=0) is [-1, 4]"""
    values = (tensor(value) for value in ([1.0, 3.0], [1.0, 2.0], [0.0, 2.0]))
    close(norms.layer_norm(*values, eps=0.0), [-1, 4], case="layer_norm([1, 3], weight=[1, 2], bias=[0, 2], eps=0)")


@grades(norms.layer_norm)
def test_eps(rng):
    """eps is added to the variance, under the root: a constant row gives 0, not nan"""
    close(plain([[0.0, 2.0]], eps=3.0), [[-0.5, 0.5]], case="x = [[0, 2]], variance 1, eps=3")
    close(plain([[5.0, 5.0]]), [[0, 0]], case="x = [[5, 5]]")
    close(plain([[0.0, 0.002]]), [np.array([-1, 1]) / np.sqrt(2)], case="x = [[0, 0.002]], variance 1e-6 as eps")


@grades(norms.layer_norm)
def test_random(rng):
    """random rows: each with its own mean and variance"""
    for shape in SHAPES:
        x, weight, bias = drawn(rng, shape)
        case = f"x = {spelled(x)}, weight = {spelled(weight)}, bias = {spelled(bias)}"
        got = norms.layer_norm(tensor(x), tensor(weight), tensor(bias))
        close(got, row_by_row(x, weight, bias, 1e-6), case=case)
        close(got, F.layer_norm(tensor(x), shape[-1:], tensor(weight), tensor(bias), 1e-6), case=case)


@grades(norms.layer_norm)
def test_gradient(rng):
    """the gradients of x, weight and bias agree with finite differences"""
    for shape in SHAPES[1:4]:
        x, weight, bias = drawn(rng, shape)
        case = f"x = {spelled(x)}, weight = {spelled(weight)}, eps=0.1"
        f = partial(norms.layer_norm, eps=0.1)
        gradients(f, {"x": x, "weight": weight, "bias": bias}, rng=rng, case=case)


@grades(norms.layer_norm)
def test_rows_apart(rng):
    """a row's result does not depend on the rows beside it"""
    x, weight, bias = drawn(rng, (3, 2, 4))
    together = norms.layer_norm(tensor(x), tensor(weight), tensor(bias))
    for index in np.ndindex(3, 2):
        alone = norms.layer_norm(tensor(x[index]), tensor(weight), tensor(bias))
        close(alone, together[index], case=f"row {list(index)} of numbers of shape (3, 2, 4), alone and in company")


@grades(norms.layer_norm)
def test_far_from_zero(rng):
    """in float32, too, a row far from 0 keeps its digits"""
    near = rng.permutation([[-3.0, -1.0, 1.0, 3.0], [-0.5, 0.0, 0.0, 0.5]], axis=1)
    for middle in (1000.0, -5000.0):
        case = f"x = {spelled(near + middle)} in float32"
        close(plain(near + middle, torch.float32), row_by_row(near, 1.0, 0.0, 1e-6), case=case, rtol=0, atol=1e-2)


@grades(norms.layer_norm)
def test_laws(rng):
    """the laws of every operation: calls, passes and memory do not get mixed up"""
    calls = (Call(norms.layer_norm, drawn(rng, shape)) for shape in ((2, 3), (3, 4)))
    keeps_laws(*calls, tensor=laid)


wrong(
    norms.layer_norm,
    "the variance is divided by D - 1, not by D",
    "centred.square().mean(dim=-1, keepdim=True)",
    "centred.square().sum(dim=-1, keepdim=True) / (x.shape[-1] - 1)",
)
wrong(
    norms.layer_norm,
    "eps is added to the standard deviation, not under the root",
    "torch.rsqrt(variance + eps)",
    "(1 / (variance.sqrt() + eps))",
)
wrong(norms.layer_norm, "eps is not added to the variance", "rsqrt(variance + eps)", "rsqrt(variance)")
wrong(
    norms.layer_norm,
    "the root is missing: what is centred is divided by the variance",
    "torch.rsqrt(variance + eps)",
    "(1 / (variance + eps))",
)
wrong(
    norms.layer_norm,
    "mean and variance run over the first dimension, as in batch norm",
    """x.mean(dim=-1, keepdim=True)
    # The mean of the squared distances is the variance; eps keeps a constant row from dividing by 0.
    variance = centred.square().mean(dim=-1, keepdim=True)""",
    """x.mean(dim=0, keepdim=True)
    variance = centred.square().mean(dim=0, keepdim=True)""",
)
wrong(
    norms.layer_norm,
    "mean and variance run over all numbers, not over each row",
    """x.mean(dim=-1, keepdim=True)
    # The mean of the squared distances is the variance; eps keeps a constant row from dividing by 0.
    variance = centred.square().mean(dim=-1, keepdim=True)""",
    """x.mean()
    variance = centred.square().mean()""",
)
wrong(
    norms.layer_norm,
    "the variance runs over all numbers, not over each row",
    "centred.square().mean(dim=-1, keepdim=True)",
    "centred.square().mean()",
)
wrong(
    norms.layer_norm,
    "the mean is not subtracted, only divided out: this is RMS norm",
    "x - x.mean(dim=-1, keepdim=True)",
    "x * 1.0",
)
wrong(norms.layer_norm, "the mean is not subtracted from what is scaled", "return centred *", "return x *")
wrong(
    norms.layer_norm,
    "the bias is added before the weight multiplies",
    "torch.rsqrt(variance + eps) * weight + bias",
    "torch.rsqrt(variance + eps) * weight + bias * weight",
)
wrong(norms.layer_norm, "the weight is not looked at", "rsqrt(variance + eps) * weight", "rsqrt(variance + eps)")
wrong(
    norms.layer_norm,
    "the bias is not looked at",
    "rsqrt(variance + eps) * weight + bias",
    "rsqrt(variance + eps) * weight",
)
wrong(
    norms.layer_norm,
    "the variance is the mean square minus the squared mean, which loses its digits far from 0",
    "centred.square().mean(dim=-1, keepdim=True)",
    "(x.square().mean(dim=-1, keepdim=True) - x.mean(dim=-1, keepdim=True).square()).abs()",
)
wrong(
    norms.layer_norm,
    "the variance is cut from the graph, as if it did not depend on x",
    "centred.square().mean(dim=-1, keepdim=True)",
    "centred.square().mean(dim=-1, keepdim=True).detach()",
)
wrong(
    norms.layer_norm,
    "the result is always float32",
    "return centred * torch.rsqrt(variance + eps) * weight + bias",
    "return (centred * torch.rsqrt(variance + eps) * weight + bias).float()",
)
