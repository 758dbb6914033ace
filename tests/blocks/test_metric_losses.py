"""Triplets and ArcFace beside PyTorch's own triplet loss and angles in float64."""

import math

import pytest

pytest.importorskip("torch", reason="blocks are made of PyTorch")

import torch
from torch.nn import functional as F


def test_the_worked_numbers(blocks):
    loss = blocks.metric_losses.triplet_loss(torch.tensor([[0.0], [1.0], [3.0]]), torch.tensor([0, 0, 1]), margin=4)
    assert loss.item() == pytest.approx(0.5)
    logits = blocks.metric_losses.arcface_logits(
        torch.tensor([[3.0, 0.0]]),
        torch.tensor([[1.0, 0.0], [0.0, 2.0]]),
        torch.tensor([0]),
        margin=math.pi / 3,
        scale=2,
    )
    torch.testing.assert_close(logits, torch.tensor([[1.0, 0.0]]), atol=1e-5, rtol=0)


def test_equals_pytorchs_triplet_loss_on_the_hardest(blocks, generator, same_gradients):
    x = torch.randn(12, 5, generator=generator)
    labels = torch.arange(12) % 4
    apart = torch.cdist(x, x)
    same = labels[:, None] == labels
    positive = apart.masked_fill(~same, -1).argmax(dim=1)
    negative = apart.masked_fill(same, math.inf).argmin(dim=1)
    same_gradients(
        lambda x: blocks.metric_losses.triplet_loss(x, labels, margin=1.5),
        lambda x: F.triplet_margin_with_distance_loss(
            x,
            x[positive],
            x[negative],
            distance_function=lambda a, b: (a - b).square().sum(dim=1),
            margin=1.5,
        ),
        x,
    )


@pytest.mark.parametrize("margin", [0.0, 0.5, 1.5])
def test_without_its_margin_a_softmax_of_cosines_with_it_less(blocks, generator, margin):
    x, centers = torch.randn(20, 6, generator=generator), torch.randn(7, 6, generator=generator)
    labels = torch.arange(20) % 7
    logits = blocks.metric_losses.arcface_logits(x, centers, labels, margin=margin, scale=4)
    cosines = F.cosine_similarity(x[:, None], centers[None], dim=2)
    own = F.one_hot(labels, 7).bool()
    torch.testing.assert_close(logits[~own], 4 * cosines[~own], atol=1e-5, rtol=0)
    assert (logits[own] <= 4 * cosines[own] + 1e-5).all()


def test_logits_fall_all_the_way_to_the_other_side(blocks):
    angle = torch.linspace(0, math.pi, 500)
    x = torch.stack([angle.cos(), angle.sin()], dim=1)
    for margin in (0.1, 0.5, 1.2):
        logits = blocks.metric_losses.arcface_logits(x, torch.eye(2), torch.zeros(500).long(), margin=margin)
        assert (logits[:, 0].diff() < 1e-4).all()


def test_a_margin_that_is_none_is_refused(blocks):
    with pytest.raises(ValueError, match=r"^margin=4 is not in \[0, pi\)$"):
        blocks.metric_losses.arcface_logits(torch.ones(1, 2), torch.ones(1, 2), torch.tensor([0]), margin=4)
