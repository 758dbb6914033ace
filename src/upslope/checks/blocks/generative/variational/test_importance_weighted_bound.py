"""What importance_weighted_bound must do."""

import math

import numpy as np
import torch
from torch.distributions import Normal

from upslope.blocks.generative import variational
from upslope.checks import grades, wrong
from upslope.checks.blocks.tensors import gradients, laid, tensor
from upslope.checks.expect import close, tensor_of, true
from upslope.checks.laws import Call, keeps_laws
from upslope.checks.samples import some, spelled

# Samples K, batch, latents.
SIZES = ((1, 1, 1), (2, 1, 2), (3, 2, 1), (4, 3, 2))
# A model whose p(x) is known: z ~ N(0, 1), x ~ N(2 z, 0.5). Then p(x) = N(0, 4.5), and the posterior is a Gaussian.
SLOPE, SPREAD = 2.0, 0.5
EVIDENCE = SLOPE**2 + SPREAD


def drawn(rng, samples, batch, latents):
    """Random log-likelihoods, latents and posteriors, and the call in words."""
    given = {
        "log_likelihood": some(rng, samples, batch, spread=2),
        "z": some(rng, samples, batch, latents),
        "mean": some(rng, batch, latents),
        "log_variance": some(rng, batch, latents),
    }
    return given, ", ".join(f"{name} {spelled(value)}" for name, value in given.items())


def log_normal(x, mean, variance):
    """The logarithm of a Gaussian's density, by NumPy."""
    return -0.5 * ((x - mean) ** 2 / variance + np.log(2 * math.pi * variance))


def bound(**given):
    """The answer, from arrays."""
    return variational.importance_weighted_bound(**{name: tensor(value) for name, value in given.items()})


@grades(variational.importance_weighted_bound)
def test_shape_and_dtype(rng):
    """one number for each sample of the batch, in the dtype that came"""
    for dtype in (torch.float32, torch.float64):
        for size in SIZES:
            given, case = drawn(rng, *size)
            inputs = {name: tensor(value, dtype) for name, value in given.items()}
            out = variational.importance_weighted_bound(**inputs)
            tensor_of(out, (size[1],), dtype=str(dtype).removeprefix("torch."), case=case)


@grades(variational.importance_weighted_bound)
def test_by_hand(rng):
    """two samples at 0 of q = N(0, 1) with log likelihoods ln 0.2 and ln 0.4 give ln 0.3 = -1.2040"""
    case = "log_likelihood [[ln 0.2], [ln 0.4]], z [[[0]], [[0]]], mean [[0]], log_variance [[0]]"
    given = {
        "log_likelihood": np.log([[0.2], [0.4]]),
        "z": np.zeros((2, 1, 1)),
        "mean": [[0.0]],
        "log_variance": [[0.0]],
    }
    close(bound(**given), [math.log(0.3)], case=case)


@grades(variational.importance_weighted_bound)
def test_random(rng):
    """random numbers: the mean of the weights, whose densities torch.distributions gives"""
    for size in SIZES:
        given, case = drawn(rng, *size)
        log_likelihood, z, mean, log_variance = map(tensor, given.values())
        log_p = Normal(tensor(0.0), tensor(1.0)).log_prob(z).sum(dim=-1)
        log_q = Normal(mean, log_variance.exp().sqrt()).log_prob(z).sum(dim=-1)
        close(bound(**given), (log_likelihood + log_p - log_q).exp().mean(dim=0).log(), case=case)


@grades(variational.importance_weighted_bound)
def test_one_sample(rng):
    """with one sample it is the single-sample ELBO: log p(x|z) + log p(z) - log q(z|x)"""
    given, case = drawn(rng, 1, 3, 2)
    variance = np.exp(given["log_variance"])
    log_p = log_normal(given["z"], 0.0, 1.0).sum(axis=-1)
    log_q = log_normal(given["z"], given["mean"], variance).sum(axis=-1)
    close(bound(**given), (given["log_likelihood"] + log_p - log_q)[0], case=case)


@grades(variational.importance_weighted_bound)
def test_exact_posterior(rng):
    """with the exact posterior of a linear-Gaussian model it is log p(x), whatever the samples"""
    x = some(rng, 3, spread=2)
    mean, variance = SLOPE * x / EVIDENCE, SPREAD / EVIDENCE
    for samples in (1, 2, 5):
        z = mean + math.sqrt(variance) * rng.normal(size=(samples, 3))
        log_likelihood = log_normal(x, SLOPE * z, SPREAD)
        got = bound(
            log_likelihood=log_likelihood,
            z=z[..., None],
            mean=mean[:, None],
            log_variance=np.full((3, 1), math.log(variance)),
        )
        case = f"z ~ N(0, 1), x ~ N(2 z, 0.5), q the posterior of x = {spelled(x)}, {samples} samples"
        close(got, log_normal(x, 0.0, EVIDENCE), case=case)


@grades(variational.importance_weighted_bound)
def test_tighter(rng):
    """with the prior as q, 2,000 samples come closer to log p(x) than single ones, which stay below"""
    x, samples = 1.0, 2000
    z = rng.normal(size=(samples, 1, 1))
    log_likelihood = log_normal(x, SLOPE * z[..., 0], SPREAD)
    zero = np.zeros((1, 1))
    evidence = float(log_normal(x, 0.0, EVIDENCE))
    case = f"z ~ N(0, 1), x ~ N(2 z, 0.5), q = N(0, 1), x = 1, {samples} samples"
    many = bound(log_likelihood=log_likelihood, z=z, mean=zero, log_variance=zero).item()
    single = float(log_likelihood.mean())
    true(
        abs(many - evidence) < 0.25 < evidence - single,
        "the bound is too loose",
        case=case,
        got=many,
        expected=evidence,
    )


@grades(variational.importance_weighted_bound)
def test_gradient(rng):
    """the gradients of all four inputs agree with finite differences"""
    for size in SIZES[:3]:
        given, case = drawn(rng, *size)
        gradients(variational.importance_weighted_bound, given, rng=rng, case=case)


@grades(variational.importance_weighted_bound)
def test_far(rng):
    """log likelihoods of -1000, as images have them, give no infinity"""
    given = {"z": np.zeros((2, 1, 1)), "mean": [[0.0]], "log_variance": [[0.0]]}
    got = bound(log_likelihood=[[-1000.0], [-1001.0]], **given)
    close(got, [-1000 + math.log((1 + math.exp(-1)) / 2)], case="log_likelihood [[-1000], [-1001]], the rest 0")


@grades(variational.importance_weighted_bound)
def test_laws(rng):
    """the laws of every operation: calls, passes and memory do not get mixed up"""
    sizes = ((3, 2, 4), (2, 3, 1))  # samples, images, latent numbers
    drawn = ([some(rng, k, b), some(rng, k, b, d), some(rng, b, d), some(rng, b, d)] for k, b, d in sizes)
    calls = (Call(variational.importance_weighted_bound, each) for each in drawn)
    keeps_laws(*calls, tensor=laid)


wrong(
    variational.importance_weighted_bound,
    {
        "the mean of the log weights, which is the ELBO: the logarithm of their mean was asked for": (
            "log_weights.logsumexp(dim=0) - math.log(len(log_weights))",
            "log_weights.mean(dim=0)",
        ),
        "the logarithm of the weights' sum: it grows with K": (" - math.log(len(log_weights))", ""),
        "the number of samples is subtracted, not its logarithm": ("math.log(len(log_weights))", "len(log_weights)"),
        "exp of the log weights themselves, which rounds to 0": (
            "log_weights.logsumexp(dim=0) - math.log(len(log_weights))",
            "log_weights.exp().mean(dim=0).log()",
        ),
        "the prior is missing from the weight": ("log_likelihood + log_prior", "log_likelihood"),
        "the weight is not divided by q(z|x): it is multiplied": (
            "log_prior - log_posterior",
            "log_prior + log_posterior",
        ),
        "q's density lacks the logarithm of its width": ("(squares + log_variance).sum", "squares.sum"),
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
