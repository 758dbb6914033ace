"""What gaussian_kl must do."""

import math

import numpy as np
import torch
from torch.distributions import Normal, kl_divergence

from upslope.blocks.generative import variational
from upslope.checks import grades, wrong
from upslope.checks.blocks.tensors import TorchOp, tensor
from upslope.checks.expect import close, true
from upslope.checks.samples import some

# Of mean and log-variance; the last number is the count of latents.
SIZES = ((1,), (3,), (2, 3), (3, 2), (2, 2, 4), (2, 128))


def kl(mean, log_variance):
    """The answer, from lists."""
    return variational.gaussian_kl(tensor(mean), tensor(log_variance))


KL = TorchOp(
    variational.gaussian_kl,
    samples=lambda rng: [{"mean": some(rng, *s), "log_variance": some(rng, *s)} for s in SIZES],
    # Between Gaussians of any variances, with the prior's as ones.
    truth=lambda mean, log_variance: (np.exp(log_variance) + mean**2 - 1 - log_variance).sum(axis=-1) / 2,
    peer=lambda mean, log_variance: kl_divergence(
        Normal(mean, log_variance.exp().sqrt()), Normal(torch.zeros_like(mean), torch.ones_like(mean))
    ).sum(dim=-1),
)

test_shape_and_dtype = KL.shape("one number for each sample, in the dtype that came")
test_by_hand = KL.by_hand(
    "mean [1, 0] and log_variance [0, ln 4] give 1.3069",
    ({"mean": [1.0, 0.0], "log_variance": [0.0, math.log(4)]}, 0.5 + (4 - math.log(4) - 1) / 2),
)
test_random = KL.random("random numbers: the divergence that torch.distributions gives", atol=1e-4)


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


test_gradient = KL.gradient("the gradients of mean and log_variance agree with finite differences")
test_laws = KL.laws(
    "the laws of every operation: calls, passes and memory do not get mixed up",
    lambda rng: [{"mean": some(rng, *s), "log_variance": some(rng, *s)} for s in ((2, 3), (4, 2))],
)


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
        "the other way round: KL(N(0, I) || N(mean, variance)), from the prior to the posterior": (
            "mean.square() + log_variance.exp() - log_variance - 1",
            "(mean.square() + 1) / log_variance.exp() + log_variance - 1",
        ),
        "cut from the graph: no gradient goes back": (
            "return 0.5 * each.sum(dim=-1)",
            "return (0.5 * each.sum(dim=-1)).detach()",
        ),
    },
)
