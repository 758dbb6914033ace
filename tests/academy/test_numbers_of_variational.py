"""The numbers worked by hand in the lessons on variational autoencoders are what the library gives."""

import math

import pytest
from tests.academy.lesson_prose import says

pytestmark = pytest.mark.needs("torch")


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


def test_number_of_reparameterize(torch):
    from upslope.blocks.generative.variational import reparameterize

    mean = torch.tensor([1.0], requires_grad=True)
    log_variance = torch.tensor([math.log(4)], requires_grad=True)
    z = reparameterize(mean, log_variance, torch.tensor([1.5]))
    z.sum().backward()
    assert [round(x.item(), 4) for x in (z, mean.grad, log_variance.grad)] == [4.0, 1.0, 1.5]
    says("reparameterize", "σ = 2", "z = 1 + 2 · 1.5 = 4", "gradient at μ is 1", "σ/2 · ε = 1.5")


def test_number_of_gaussian_kl(torch):
    from upslope.blocks.generative.variational import gaussian_kl

    mean, log_variance = torch.tensor([1.0, 0.0], requires_grad=True), torch.tensor([0.0, math.log(4)])
    kl = gaussian_kl(mean, log_variance)
    kl.backward()
    parts = gaussian_kl(mean[:, None], log_variance[:, None])
    assert [round(x, 4) for x in (*parts.tolist(), kl.item())] == [0.5, 0.8069, 1.3069]
    assert mean.grad.tolist() == mean.tolist()
    says("gaussian-kl", "First latent: ½ · (1 + 1 - 0 - 1) = 0.5", "1.3863 - 1) = 0.8069", "Together 1.3069 nats")


def test_number_of_bernoulli_likelihood(torch):
    from upslope.blocks.generative.variational import bernoulli_log_likelihood

    each = bernoulli_log_likelihood(torch.tensor([[0.0], [math.log(3)]]), torch.tensor([[1.0], [0.0]]))
    assert [round(x, 4) for x in (*each.tolist(), each.sum().item())] == [-0.6931, -1.3863, -2.0794]
    says("bernoulli-likelihood", "p = [½, ¾]", "-0.6931 - 1.3863 = -2.0794")


def test_number_of_importance_bound(torch):
    from upslope.blocks.generative.variational import importance_weighted_bound

    zero = torch.zeros(1, 1)
    log_likelihood = torch.tensor([[0.2], [0.4]]).log()
    bound = importance_weighted_bound(log_likelihood, torch.zeros(2, 1, 1), zero, zero)
    assert [round(x.item(), 4) for x in (bound, log_likelihood.mean())] == [-1.204, -1.2629]
    says("importance-bound", "ln 0.3 = -1.2040", "mean of the logarithms is -1.2629")


def test_number_of_the_lab():
    says(
        "vae",
        f"95 / 784 = {95 / 784:.2f} nats",
        f"{95 / 784 / math.log(2):.2f} bits",
        f"784 · ln 2 = {784 * math.log(2):.0f}",
        f"some 22 nats, {22 / math.log(2):.0f} bits",
    )
