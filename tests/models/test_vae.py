"""The VAE's modes, its loss and its samples, beside what the contract asks of every model."""

import pytest

pytest.importorskip("torch", reason="models are made of PyTorch")

import torch

from upslope.models.build import build
from upslope.models.generative.vae import VAE, negative_elbo

TOY = {"shape": (1, 4, 4), "hidden": (16,), "latent": 3}


@pytest.fixture
def model():
    torch.manual_seed(0)
    return VAE(**TOY)


def test_training_samples_and_evaluation_takes_the_mean(model):
    x = torch.rand(5, 1, 4, 4)
    assert not torch.equal(model(x).reconstruction, model(x).reconstruction)
    model.eval()
    out = model(x)
    assert torch.equal(out.reconstruction, model(x).reconstruction)
    assert torch.equal(out.reconstruction, model.decode(out.mean))
    noise = torch.randn(5, 3)
    z = out.mean + out.log_variance.exp().sqrt() * noise
    torch.testing.assert_close(model(x, noise=noise).reconstruction, model.decode(z))


def test_the_loss_is_the_bound_by_pytorchs_distributions(model):
    from torch.distributions import Bernoulli, Normal, kl_divergence

    x = torch.bernoulli(torch.full((5, 1, 4, 4), 0.3))
    out = model(x)
    likelihood = Bernoulli(logits=out.reconstruction).log_prob(x).sum((1, 2, 3))
    kl = kl_divergence(Normal(out.mean, out.log_variance.exp().sqrt()), Normal(0.0, 1.0)).sum(1)
    torch.testing.assert_close(negative_elbo(out, x), (kl - likelihood).mean())


def test_a_sample_is_a_function_of_the_generator(model):
    first, again, other = (model.sample(4, generator=torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert first.shape == (4, 1, 4, 4)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert 0 <= first.min() <= first.max() <= 1


def test_what_cannot_be_is_refused(model):
    with pytest.raises(ValueError, match=r"images of shape \(1, 5, 5\), and this network was made for \(1, 4, 4\)"):
        model(torch.rand(2, 1, 5, 5))
    with pytest.raises(ValueError, match="latent=0"):
        VAE(latent=0)
    with pytest.raises(ValueError, match=r"hidden=\(\)"):
        VAE(hidden=())


def test_the_papers_sizes():
    assert build("vae-kingma2013").encoder[0].weight.shape == (500, 784)
    assert build("vae-burda2015").decoder[-1].weight.shape == (784, 200)
