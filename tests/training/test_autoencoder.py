"""The task of autoencoders: what is judged, by which bounds, and that the bounds are bounds."""

import math

import numpy as np
import pytest

pytest.importorskip("torch", reason="models are made of PyTorch")

import torch

from upslope.data import mnist
from upslope.image.binarize import binarized
from upslope.models.generative.vae import VAE
from upslope.training.batches import Batches
from upslope.training.tasks.autoencoder import Autoencoder, binarize, bounds
from upslope.training.tasks.task import evaluate


@pytest.fixture
def data():
    return mnist.toy(rng=np.random.default_rng(0), count=60)


def task_of(data, **settings):
    torch.manual_seed(0)
    return Autoencoder(VAE(hidden=(16,), latent=2), train=data, **settings)


def test_a_training_batch_is_drawn_anew_and_evaluation_is_fixed(data):
    task = task_of(data)
    batches = Batches(data, collate=task.collate, transform=binarize, batch_size=60, seed=0)
    first, second = (batches.at(step)["image"] for step in (1, 2))
    assert set(first.unique().tolist()) == {0.0, 1.0}
    assert first.shape == (60, 1, 28, 28)
    assert not torch.equal(first.sum(0), second.sum(0)), "the same images in another order, binarised as before"
    assert torch.equal(first, batches.at(1)["image"])
    np.testing.assert_array_equal(task.predict(data).images, task.predict(data).images)
    np.testing.assert_array_equal(task.predict(data).images[:7], task.predict(data.take(slice(7))).images)


def test_a_pixel_is_white_as_often_as_it_is_grey():
    grey = np.linspace(0, 1, 6, dtype=np.float32)
    white = binarized(np.broadcast_to(grey, (20_000, 6)))
    np.testing.assert_allclose(white.mean(axis=0), grey, atol=0.015)
    assert white[:, 0].max() == 0
    assert white[:, 5].min() == 1
    assert not np.array_equal(white, binarized(np.broadcast_to(grey, (20_000, 6)), seed=1))
    with pytest.raises(ValueError, match="grey values from 0 to 255 are not probabilities"):
        binarized(np.array([0.0, 255.0], dtype=np.float32))


def test_the_loss_is_the_bound_and_its_parts_add_up(data):
    batch = binarize(task_of(data).collate(data), torch.Generator().manual_seed(0))
    for beta in (1.0, 0.0, 784.0):
        torch.manual_seed(1)
        parts = task_of(data, beta=beta)(batch)
        torch.testing.assert_close(parts["loss"], parts["reconstruction"] + beta * parts["kl"])
    through_the_mean = [task_of(data, sampling=False)(batch)["loss"] for _ in range(2)]
    torch.manual_seed(3)
    assert torch.equal(*through_the_mean), "no noise"
    task = task_of(data)
    assert task(batch)["loss"] != task(batch)["loss"]


def test_latents_may_say_so_much_for_free(data):
    """Of each latent's KL, in the mean over the batch, only what exceeds the free nats is paid."""
    batch = binarize(task_of(data).collate(data), torch.Generator().manual_seed(0))
    mean, log_variance = (part.detach() for part in task_of(data).model.encode(batch["image"]))
    posterior, prior = torch.distributions.Normal(mean, (log_variance / 2).exp()), torch.distributions.Normal(0, 1)
    each = torch.distributions.kl_divergence(posterior, prior).mean(0)
    between = float(each.mean())
    assert each.min() < between < each.max()
    for free in (0.0, between, 10.0):
        torch.manual_seed(1)
        parts = task_of(data, free=free)(batch)
        paid = parts["loss"] - parts["reconstruction"]  # of large numbers: four digits are left
        torch.testing.assert_close(paid, each.clamp(min=free).sum(), rtol=0, atol=2e-4)
        torch.testing.assert_close(parts["kl"], each.sum())


def test_the_metrics_are_means_of_the_bounds(data):
    task = task_of(data, samples=5)
    found, metrics = evaluate(task, data, "test")
    assert metrics["test_negative_elbo"] == pytest.approx(metrics["test_kl"] + found.reconstruction.mean(), rel=1e-5)
    assert metrics["test_iw_bound"] <= metrics["test_negative_elbo"]
    for name in ("test_thicker", "test_slanted"):
        assert 0 <= metrics[name] <= 1
    assert metrics["test_active_latents"] == int((found.mean.var(axis=0) > 0.01).sum())
    assert task.validate(data)["validation_negative_elbo"] == pytest.approx(metrics["test_negative_elbo"], rel=0.02)


class TwoLatents(VAE):
    """A decoder of four pixels whose likelihood can be had by adding up: the sum over a fine grid of latents."""

    def evidence(self, x):
        line = torch.linspace(-6, 6, 241)
        z = torch.cartesian_prod(line, line)
        log_prior = -0.5 * z.square().sum(-1) - math.log(2 * math.pi)
        white = self.decode(z).flatten(1)
        log_likelihood = (x.flatten(1)[:, None] * white - torch.nn.functional.softplus(white)).sum(-1)
        return (log_likelihood + log_prior).logsumexp(-1) + 2 * math.log(line[1] - line[0])


def test_both_bounds_lie_above_the_true_number_and_many_samples_reach_it():
    torch.manual_seed(0)
    model = TwoLatents(shape=(1, 2, 2), hidden=(8,), latent=2)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.5)
        x = torch.bernoulli(torch.full((16, 1, 2, 2), 0.5))
        truth = -model.evidence(x)
        reconstruction, kl, bound, _ = bounds(model, x, 2000, seed=0)
        assert (truth < reconstruction + kl).all()
        torch.testing.assert_close(bound, truth, atol=0.15, rtol=0)
        assert abs((bound - truth).mean()) < 0.03
        few = torch.stack([bounds(model, x, 3, seed=seed)[2] for seed in range(300)]).mean(0)
        assert bound.mean() - 0.02 < few.mean() < (reconstruction + kl).mean()


def test_learning_lowers_the_bound_and_the_figures_are_drawn(data, tmp_path):
    from upslope.runs.reports import latents

    task = task_of(data)
    batch = binarize(task.collate(data), torch.Generator().manual_seed(0))
    optimizer = torch.optim.Adam(task.parameters(), lr=5e-3)
    losses = []
    for _ in range(60):
        optimizer.zero_grad()
        loss = task(batch)["loss"]
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.6 * losses[0]
    drawn = {}

    class Notebook:
        def picture(self, name, figure, caption=""):
            drawn[name] = figure

        def logged(self):
            return [{"step": step, "loss": loss, "kl": 1.0} for step, loss in enumerate(losses, 1)]

        class config:  # noqa: N801
            seed = 0

    task.report(Notebook(), task.predict(data), data, per_epoch=10)
    assert set(drawn) == {"curves", "samples", "reconstructions", "plane", "interpolation", "arithmetic"}
    assert latents.__doc__
