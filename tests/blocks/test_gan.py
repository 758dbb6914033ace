"""Losses of adversarial training, averaged weights and the Frechet distance beside PyTorch's and SciPy's."""

import copy
import math

import numpy as np
import pytest

pytest.importorskip("torch", reason="blocks are made of PyTorch")

import torch
from scipy.linalg import sqrtm
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from upslope.blocks.generative import frechet, gan_losses


@pytest.mark.parametrize("scale", [1, 1000])
def test_losses_equal_pytorchs(same_gradients, generator, scale):
    real, fake = torch.randn(5, 1, generator=generator), torch.randn(7, 1, generator=generator)
    cross_entropy = nn.BCEWithLogitsLoss()
    same_gradients(
        lambda r, f: gan_losses.discriminator_loss(scale * r, scale * f),
        lambda r, f: cross_entropy(scale * r, torch.ones(5, 1)) + cross_entropy(scale * f, torch.zeros(7, 1)),
        real,
        fake,
    )
    same_gradients(
        lambda f: gan_losses.generator_loss(scale * f), lambda f: cross_entropy(scale * f, torch.ones(7, 1)), fake
    )


def test_worked_numbers():
    third = torch.tensor([math.log(3)])
    assert f"{gan_losses.discriminator_loss(third, -third):.4f}" == "0.5754"
    assert f"{gan_losses.generator_loss(-third):.4f}" == "1.3863"
    assert frechet.frechet_distance(torch.tensor([[0.0], [2.0]]), torch.tensor([[1.0], [5.0]])) == pytest.approx(6)


def test_the_penalty_is_the_slope_squared():
    x = torch.randn(4, 1, 1, 2, requires_grad=True)
    penalty = gan_losses.r1_penalty((x * torch.tensor([3.0, 4.0])).sum(dim=(2, 3)), x)
    assert penalty.item() == pytest.approx(25)
    w = torch.tensor(2.0, requires_grad=True)
    gan_losses.r1_penalty((w * x).sum(dim=(2, 3)), x).backward()  # two pixels: 2 w^2
    assert w.grad.item() == pytest.approx(8)


def test_averages_equal_pytorchs(blocks, generator):
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    ours = copy.deepcopy(model)
    theirs = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.9))
    theirs.update_parameters(model)  # its first update copies
    for _ in range(3):
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn(parameter.shape, generator=generator))
        model(torch.randn(4, 1, 5, 5, generator=generator))
        blocks.averaging.ema_update(ours, model, decay=0.9)
        theirs.update_parameters(model)
    for mine, other in zip(ours.parameters(), theirs.module.parameters(), strict=True):
        torch.testing.assert_close(mine, other, rtol=0, atol=1e-6)
    for mine, current in zip(ours.buffers(), model.buffers(), strict=True):
        assert torch.equal(mine, current)


@pytest.mark.parametrize(("rows", "features"), [(50, 4), (300, 64), (20, 30)])
def test_the_distance_equals_scipys(generator, rows, features):
    a, b = (torch.randn(rows, features, generator=generator, dtype=torch.float64) for _ in range(2))
    b = b @ torch.randn(features, features, generator=generator, dtype=torch.float64) + 1
    cov_a, cov_b = (np.cov(x.numpy(), rowvar=False) for x in (a, b))
    # Fewer rows than features: the root of a singular matrix, which a little on the diagonal keeps apart from nan.
    root = sqrtm(cov_a @ cov_b).real if rows > features else sqrtm((cov_a + 1e-9 * np.eye(features)) @ cov_b).real
    expected = (a.mean(0) - b.mean(0)).square().sum().item() + np.trace(cov_a + cov_b - 2 * root)
    assert frechet.frechet_distance(a, b) == pytest.approx(expected, rel=1e-3 if rows <= features else 1e-6)
