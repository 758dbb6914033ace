"""Variational inference against PyTorch's distributions, and against a model whose likelihood is known."""

import math

import pytest

pytest.importorskip("torch", reason="blocks are made of PyTorch")

import torch
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence
from torch.nn import functional as F


@pytest.fixture(scope="module")
def variational():
    pytest.importorskip("beartype", reason="it reads the annotated shapes")
    from upslope.checks.contract.annotations import shapes_checked

    with shapes_checked():
        from importlib import import_module

        return import_module("upslope.blocks.generative.variational")


def posterior(mean, log_variance):
    return Independent(Normal(mean, (log_variance / 2).exp()), 1)


def test_the_samples_are_those_of_pytorch_with_its_gradients(variational, generator, same_gradients):
    mean, log_variance = torch.randn(5, 3, generator=generator), torch.randn(5, 3, generator=generator)
    noise = torch.randn(4, 5, 3, generator=generator)

    def theirs(mean, log_variance):  # what Normal.rsample computes, with noise of our own
        q = Normal(mean, log_variance.exp().sqrt())
        return q.loc + q.scale * noise

    same_gradients(lambda m, v: variational.reparameterize(m, v, noise), theirs, mean, log_variance)


def test_the_divergence_is_pytorchs(variational, generator, same_gradients):
    mean, log_variance = torch.randn(6, 4, generator=generator), 2 * torch.randn(6, 4, generator=generator)
    same_gradients(
        variational.gaussian_kl,
        lambda m, v: kl_divergence(posterior(m, v), posterior(torch.zeros_like(m), torch.zeros_like(v))),
        mean,
        log_variance,
    )


@pytest.mark.parametrize("scale", [1, 500])
def test_the_likelihood_is_pytorchs(variational, generator, same_gradients, scale):
    logits = torch.randn(3, 5, 7, generator=generator)
    x = torch.bernoulli(torch.full((5, 7), 0.4), generator=generator)
    same_gradients(
        lambda a: variational.bernoulli_log_likelihood(scale * a, x),
        lambda a: Bernoulli(logits=scale * a).log_prob(x.expand(3, 5, 7)).sum(-1),
        logits,
    )
    got = variational.bernoulli_log_likelihood(scale * logits[0], x).mean()
    entropy = F.binary_cross_entropy_with_logits(scale * logits[0], x, reduction="sum") / 5
    assert got.item() == pytest.approx(-entropy.item(), rel=1e-5)


def linear_gaussian(generator, *, samples):
    """z ~ N(0, I), x ~ N(W z, s I) in float64: x, its exact log p(x), the exact posterior, and log p(x|z)."""
    weight, spread = torch.randn(4, 2, generator=generator, dtype=torch.float64), 0.3
    x = torch.randn(6, 4, generator=generator, dtype=torch.float64)
    covariance = weight @ weight.T + spread * torch.eye(4, dtype=torch.float64)
    zero = torch.zeros(4, dtype=torch.float64)
    evidence = torch.distributions.MultivariateNormal(zero, covariance).log_prob(x)

    def likelihood(z):
        return Independent(Normal(z @ weight.T, math.sqrt(spread)), 1).log_prob(x)

    noise = torch.randn(samples, 6, 2, generator=generator, dtype=torch.float64)
    precision = torch.eye(2, dtype=torch.float64) + weight.T @ weight / spread
    mean = x @ weight @ torch.linalg.inv(precision) / spread
    log_variance = -precision.diagonal().log().expand(6, 2)  # the best Gaussian whose latents are independent
    return evidence, likelihood, mean, log_variance, noise


def test_one_sample_gives_the_elbo_and_many_close_the_gap(variational, generator):
    evidence, likelihood, mean, log_variance, noise = linear_gaussian(generator, samples=20_000)
    z = variational.reparameterize(mean, log_variance, noise)
    of_z = likelihood(z)
    elbo = of_z.mean(0) - variational.gaussian_kl(mean, log_variance)

    def bound(samples):
        groups = of_z.unflatten(0, (-1, samples)), z.unflatten(0, (-1, samples))
        each = [variational.importance_weighted_bound(a, b, mean, log_variance) for a, b in zip(*groups, strict=True)]
        return torch.stack(each).mean(0)

    assert elbo.mean() < bound(2).mean() < bound(20).mean() < evidence.mean()
    torch.testing.assert_close(bound(20_000), evidence, atol=0.05, rtol=0)
    first = variational.importance_weighted_bound(of_z[:1], z[:1], mean, log_variance)
    q, p = posterior(mean, log_variance), posterior(torch.zeros_like(mean), torch.zeros_like(mean))
    torch.testing.assert_close(first, of_z[0] + p.log_prob(z[0]) - q.log_prob(z[0]))
