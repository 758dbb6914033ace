"""What gaussian_kl must do."""

import math

import numpy as np
import torch
from torch.distributions import Normal, kl_divergence

from upslope.blocks.generative import variational
from upslope.checks import grades, wrong
from upslope.checks.blocks.tensors import gradients, laid, tensor
from upslope.checks.expect import close, tensor_of, true
from upslope.checks.laws import Call, keeps_laws
from upslope.checks.samples import some, spelled

# Of mean and log-variance; the last number is the count of latents.
SIZES = ((1,), (3,), (2, 3), (3, 2), (2, 2, 4))


def drawn(rng, shape):
    """Random means and log-variances, and the call in words."""
    mean, log_variance = some(rng, *shape), some(rng, *shape)
    return mean, log_variance, f"mean {spelled(mean)}, log_variance {spelled(log_variance)}"


def kl(mean, log_variance):
    """The answer, from arrays."""
    return variational.gaussian_kl(tensor(mean), tensor(log_variance))


@grades(variational.gaussian_kl)
def test_shape_and_dtype(rng):
    """one number for each sample, in the dtype that came"""
    for dtype in (torch.float32, torch.float64):
        for shape in SIZES:
            out = variational.gaussian_kl(torch.zeros(shape, dtype=dtype), torch.zeros(shape, dtype=dtype))
            case = f"mean, log_variance of shape {shape}"
            tensor_of(out, shape[:-1], dtype=str(dtype).removeprefix("torch."), case=case)


@grades(variational.gaussian_kl)
def test_by_hand(rng):
    """mean [1, 0] and log_variance [0, ln 4] give 1.3069"""
    expected = 0.5 + (4 - math.log(4) - 1) / 2
    close(kl([1.0, 0.0], [0.0, math.log(4)]), expected, case="mean [1, 0], log_variance [0, ln 4]")


@grades(variational.gaussian_kl)
def test_random(rng):
    """random numbers: the divergence that torch.distributions gives"""
    for shape in SIZES:
        mean, log_variance, case = drawn(rng, shape)
        posterior = Normal(tensor(mean), tensor(log_variance).exp().sqrt())
        expected = kl_divergence(posterior, Normal(tensor(0.0), tensor(1.0))).sum(dim=-1)
        close(kl(mean, log_variance), expected, case=case)


@grades(variational.gaussian_kl)
def test_integral(rng):
    """one latent: the integral of q (log q - log p) over a fine grid"""
    for mean, log_variance in ((0.5, 0.0), (-1.0, -1.0), (0.0, 1.0)):
        z = np.linspace(-20, 20, 40_001)
        log_p = -0.5 * (z**2 + math.log(2 * math.pi))
        log_q = -0.5 * ((z - mean) ** 2 / math.exp(log_variance) + log_variance + math.log(2 * math.pi))
        expected = float((np.exp(log_q) * (log_q - log_p)).sum() * (z[1] - z[0]))
        close(kl([mean], [log_variance]), expected, case=f"mean [{mean:g}], log_variance [{log_variance:g}]")


@grades(variational.gaussian_kl)
def test_prior(rng):
    """0 for the prior itself, and more than 0 for anything else"""
    close(kl([0.0, 0.0], [0.0, 0.0]), 0.0, case="mean [0, 0], log_variance [0, 0]")
    for mean, log_variance in (([0.3], [0.0]), ([0.0], [0.5]), ([0.0], [-0.5]), ([-0.3], [-0.2])):
        got = kl(mean, log_variance).item()
        true(got > 0, "it is not positive", case=f"mean {mean}, log_variance {log_variance}", got=got)


@grades(variational.gaussian_kl)
def test_gradient(rng):
    """the gradients of mean and log_variance agree with finite differences"""
    for shape in SIZES[:4]:
        mean, log_variance, case = drawn(rng, shape)
        given = {"mean": mean, "log_variance": log_variance}
        gradients(variational.gaussian_kl, given, rng=rng, case=case)


@grades(variational.gaussian_kl)
def test_laws(rng):
    """the laws of every operation: calls, passes and memory do not get mixed up"""
    calls = (Call(variational.gaussian_kl, [some(rng, *s), some(rng, *s)]) for s in ((2, 3), (4, 2)))
    keeps_laws(*calls, tensor=laid)


wrong(
    variational.gaussian_kl,
    {
        "averaged over the latents, where their divergences add up": ("each.sum(dim=-1)", "each.mean(dim=-1)"),
        "summed over the batch, too": ("each.sum(dim=-1)", "each.sum()"),
        "the factor 1/2 is missing": ("return 0.5 * each", "return each"),
        "the sign is that of the bound's term: the divergence itself is positive": (
            "return 0.5 * each",
            "return -0.5 * each",
        ),
        "the 1 is missing, and the prior itself costs D/2": ("() - log_variance - 1", "() - log_variance"),
        "log_variance is taken for the logarithm of the standard deviation": (
            "log_variance.exp() - log_variance",
            "(2 * log_variance).exp() - 2 * log_variance",
        ),
        "log_variance is used as if it were the variance": (
            "log_variance.exp() - log_variance",
            "log_variance - log_variance.abs().log()",
        ),
        "the other way round: KL(N(0, I) || N(mean, variance)), from the prior to the posterior": (
            "mean.square() + log_variance.exp() - log_variance - 1",
            "(mean.square() + 1) / log_variance.exp() + log_variance - 1",
        ),
        "the mean is not squared": ("mean.square()", "mean"),
        "cut from the graph: no gradient goes back": (
            "return 0.5 * each.sum(dim=-1)",
            "return (0.5 * each.sum(dim=-1)).detach()",
        ),
    },
)
