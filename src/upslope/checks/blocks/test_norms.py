"""What layer_norm must do."""

import numpy as np
import torch
from torch.nn import functional as F

from upslope.blocks import norms
from upslope.checks import grades, wrong
from upslope.checks.blocks.tensors import TorchOp, tensor
from upslope.checks.expect import close
from upslope.checks.samples import some, spelled

SHAPES = ((2, 3), (3, 4), (2,), (1, 3), (2, 3, 5), (2, 1, 2, 3), (0, 3))


def samples(rng):
    """Random numbers with a scale and a shift for each feature; eps as it is, and so large that it counts."""
    for k, shape in enumerate(SHAPES):
        sample = {"x": some(rng, *shape, spread=2), "weight": some(rng, shape[-1]), "bias": some(rng, shape[-1])}
        yield sample if k % 3 else {**sample, "eps": 0.1}


def row_by_row(x, weight, bias, eps=1e-6):
    """Equation 4 in float64 NumPy, one row after the other."""
    out = np.zeros(x.shape)
    for where in np.ndindex(x.shape[:-1]):
        row = x[where]
        mean = row.sum() / row.size
        variance = ((row - mean) ** 2).sum() / row.size
        out[where] = (row - mean) / np.sqrt(variance + eps) * weight + bias
    return out


NORM = TorchOp(
    norms.layer_norm,
    samples=samples,
    truth=row_by_row,
    peer=lambda x, weight, bias, eps=1e-6: F.layer_norm(x, x.shape[-1:], weight, bias, eps),
)

test_shape = NORM.shape("shape and dtype of x, whatever stands in front of the features")
test_by_hand = NORM.by_hand(
    "layer_norm([1, 3], weight=[1, 2], bias=[0, 2], eps=0) is [-1, 4]",
    ({"x": [1.0, 3.0], "weight": [1.0, 2.0], "bias": [0.0, 2.0], "eps": 0.0}, [-1, 4]),
)
test_eps = NORM.by_hand(
    "eps is added to the variance, under the root: a constant row gives 0, not nan",
    ({"x": [0.0, 2.0], "weight": [1.0, 1.0], "bias": [0.0, 0.0], "eps": 3.0}, [-0.5, 0.5]),
    ({"x": [5.0, 5.0], "weight": [1.0, 1.0], "bias": [0.0, 0.0]}, [0, 0]),
    ({"x": [0.0, 0.002], "weight": [1.0, 1.0], "bias": [0.0, 0.0]}, np.array([-1, 1]) / np.sqrt(2)),
)
test_random = NORM.random("random rows: each with its own mean and variance")
test_large = NORM.large(
    "rows of 128 features",
    lambda rng: [{"x": some(rng, 4, 16, 128), "weight": some(rng, 128), "bias": some(rng, 128)}],
)
test_gradient = NORM.gradient("the gradients of x, weight and bias agree with finite differences")
test_laws = NORM.laws("calls, passes and memory do not get mixed up")


@grades(norms.layer_norm)
def test_far_from_zero(rng):
    """in float32, too, a row far from 0 keeps its digits"""
    near = rng.permutation([[-3.0, -1.0, 1.0, 3.0], [-0.5, 0.0, 0.0, 0.5]], axis=1)
    for middle in (1000.0, -5000.0):
        x = tensor(near + middle, torch.float32)
        got = norms.layer_norm(x, torch.ones_like(x[0]), torch.zeros_like(x[0]))
        case = f"x = {spelled(near + middle)} in float32"
        close(got, row_by_row(near, 1.0, 0.0), case=case, rtol=0, atol=1e-2)


wrong(
    norms.layer_norm,
    {
        "the variance is divided by D - 1, not by D": (
            "centred.square().mean(dim=-1, keepdim=True)",
            "centred.square().sum(dim=-1, keepdim=True) / (x.shape[-1] - 1)",
        ),
        "eps is added to the standard deviation, not under the root": (
            "torch.rsqrt(variance + eps)",
            "(1 / (variance.sqrt() + eps))",
        ),
        "the root is missing: what is centred is divided by the variance": (
            "torch.rsqrt(variance + eps)",
            "(1 / (variance + eps))",
        ),
        "mean and variance run over the first dimension, as in batch norm": (
            """x.mean(dim=-1, keepdim=True)
    # The mean of the squared distances is the variance; eps keeps a constant row from dividing by 0.
    variance = centred.square().mean(dim=-1, keepdim=True)""",
            """x.mean(dim=0, keepdim=True)
    variance = centred.square().mean(dim=0, keepdim=True)""",
        ),
        "the bias is added before the weight multiplies": (
            "torch.rsqrt(variance + eps) * weight + bias",
            "torch.rsqrt(variance + eps) * weight + bias * weight",
        ),
        "the variance is the mean square minus the squared mean, which loses its digits far from 0": (
            "centred.square().mean(dim=-1, keepdim=True)",
            "(x.square().mean(dim=-1, keepdim=True) - x.mean(dim=-1, keepdim=True).square()).abs()",
        ),
        "the variance is cut from the graph, as if it did not depend on x": (
            "centred.square().mean(dim=-1, keepdim=True)",
            "centred.square().mean(dim=-1, keepdim=True).detach()",
        ),
        "the result is always float32": (
            "return centred * torch.rsqrt(variance + eps) * weight + bias",
            "return (centred * torch.rsqrt(variance + eps) * weight + bias).float()",
        ),
    },
)
