"""What importance_weighted_bound must do."""

import math

import numpy as np
import torch
from torch.distributions import Normal

from upslope.blocks.generative import variational
from upslope.checks import grades, wrong
from upslope.checks.blocks.tensors import TorchOp, tensor
from upslope.checks.expect import close, true
from upslope.checks.samples import some, spelled

# Samples K, batch, latents.
SIZES = ((1, 1, 1), (2, 1, 2), (3, 2, 1), (4, 3, 2), (50, 4, 16))
# A model whose p(x) is known: z ~ N(0, 1), x ~ N(2 z, 0.5). Then p(x) = N(0, 4.5), and the posterior is a Gaussian.
SLOPE, SPREAD = 2.0, 0.5
EVIDENCE = SLOPE**2 + SPREAD


def drawn(*sizes):
    return lambda rng: [
        {
            "log_likelihood": some(rng, samples, batch, spread=2),
            "z": some(rng, samples, batch, latents),
            "mean": some(rng, batch, latents),
            "log_variance": some(rng, batch, latents),
        }
        for samples, batch, latents in sizes
    ]


def log_normal(x, mean, variance):
    """The logarithm of a Gaussian's density, by NumPy."""
    return -0.5 * ((x - mean) ** 2 / variance + np.log(2 * math.pi * variance))


def of_densities(log_likelihood, z, mean, log_variance):
    """Equation 8, with whole densities."""
    log_q = log_normal(z, mean, np.exp(log_variance))
    weights = log_likelihood + (log_normal(z, 0.0, 1.0) - log_q).sum(axis=-1)
    return np.logaddexp.reduce(weights, axis=0) - math.log(len(weights))


def by_distributions(log_likelihood, z, mean, log_variance):
    """The same by torch.distributions."""
    log_p = Normal(torch.zeros_like(z), torch.ones_like(z)).log_prob(z)
    log_q = Normal(mean, log_variance.exp().sqrt()).log_prob(z)
    return (log_likelihood + (log_p - log_q).sum(dim=-1)).logsumexp(dim=0) - math.log(len(z))


def bound(**given):
    """The answer, from arrays."""
    return variational.importance_weighted_bound(**{name: tensor(value) for name, value in given.items()})


BOUND = TorchOp(variational.importance_weighted_bound, samples=drawn(*SIZES), truth=of_densities, peer=by_distributions)
AT_ZERO = {"z": np.zeros((2, 1, 1)), "mean": [[0.0]], "log_variance": [[0.0]]}

test_shape_and_dtype = BOUND.shape("one number for each sample of the batch, in the dtype that came")
test_by_hand = BOUND.by_hand(
    "two samples at 0 of q = N(0, 1) with log likelihoods ln 0.2 and ln 0.4 give ln 0.3 = -1.2040",
    ({"log_likelihood": np.log([[0.2], [0.4]]), **AT_ZERO}, [math.log(0.3)]),
)
test_random = BOUND.random(
    "random numbers: the mean of the weights, whose densities torch.distributions gives", atol=1e-3
)
test_one_sample = BOUND.random(
    "with one sample it is the single-sample ELBO: log p(x|z) + log p(z) - log q(z|x)", drawn((1, 3, 2))
)


@grades(variational.importance_weighted_bound)
def test_exact_posterior(rng):
    """with the exact posterior of a linear-Gaussian model it is log p(x), whatever the samples"""
    x = some(rng, 3, spread=2)
    mean, variance = SLOPE * x / EVIDENCE, SPREAD / EVIDENCE
    for samples in (1, 2, 5):
        z = mean + math.sqrt(variance) * rng.normal(size=(samples, 3))
        log_likelihood = log_normal(x, SLOPE * z, SPREAD)
        widths = np.full((3, 1), math.log(variance))
        got = bound(log_likelihood=log_likelihood, z=z[..., None], mean=mean[:, None], log_variance=widths)
        case = f"z ~ N(0, 1), x ~ N(2 z, 0.5), q the posterior of x = {spelled(x)}, {samples} samples"
        close(got, log_normal(x, 0.0, EVIDENCE), case=case)


@grades(variational.importance_weighted_bound)
def test_tighter(rng):
    """with the prior as q, 2,000 samples come closer to log p(x) than single ones, which stay below"""
    x, samples, zero = 1.0, 2000, np.zeros((1, 1))
    z = rng.normal(size=(samples, 1, 1))
    log_likelihood = log_normal(x, SLOPE * z[..., 0], SPREAD)
    evidence, single = float(log_normal(x, 0.0, EVIDENCE)), float(log_likelihood.mean())
    many = bound(log_likelihood=log_likelihood, z=z, mean=zero, log_variance=zero).item()
    case = f"z ~ N(0, 1), x ~ N(2 z, 0.5), q = N(0, 1), x = 1, {samples} samples"
    near = abs(many - evidence) < 0.25 < evidence - single
    true(near, "the bound is too loose", case=case, got=many, expected=evidence)


test_gradient = BOUND.gradient("the gradients of all four inputs agree with finite differences")
test_far = BOUND.stable(
    "log likelihoods of -1000, as images have them, give no infinity",
    (
        {"log_likelihood": [[-1000.0], [-1001.0]], **AT_ZERO},
        [-1000 + math.log((1 + math.exp(-1)) / 2)],
        [1],
        {"log_likelihood": [[1 / (1 + math.exp(-1))], [1 / (1 + math.e)]]},
    ),
)
test_laws = BOUND.laws(
    "the laws of every operation: calls, passes and memory do not get mixed up", drawn((3, 2, 4), (2, 3, 1))
)


wrong(
    variational.importance_weighted_bound,
    {
        "the mean of the log weights, which is the ELBO: the logarithm of their mean was asked for": (
            "log_weights.logsumexp(dim=0) - math.log(len(log_weights))",
            "log_weights.mean(dim=0)",
        ),
        "the logarithm of the weights' sum: it grows with K": (" - math.log(len(log_weights))", ""),
        "exp of the log weights themselves, which rounds to 0": (
            "log_weights.logsumexp(dim=0) - math.log(len(log_weights))",
            "log_weights.exp().mean(dim=0).log()",
        ),
        "the prior is missing from the weight": ("log_likelihood + log_prior", "log_likelihood"),
        "the weight is not divided by q(z|x): it is multiplied": (
            "log_prior - log_posterior",
            "log_prior + log_posterior",
        ),
        "the distance from the mean is not measured in standard deviations": (
            "(z - mean).square() / log_variance.exp()",
            "(z - mean).square()",
        ),
        "the mean is taken over the batch, not over the K samples": (
            "log_weights.logsumexp(dim=0) - math.log(len(log_weights))",
            "log_weights.logsumexp(dim=1) - math.log(log_weights.shape[1])",
        ),
        "cut from the graph: no gradient goes back": (
            "return log_weights.logsumexp(dim=0) - math.log(len(log_weights))",
            "return (log_weights.logsumexp(dim=0) - math.log(len(log_weights))).detach()",
        ),
    },
)
