"""Smoothed cross-entropy against PyTorch's."""

import math

import pytest

pytest.importorskip("torch", reason="blocks are made of PyTorch")

import torch
from torch.nn import functional as F


def test_the_worked_number(blocks):
    loss = blocks.losses.smoothed_cross_entropy(torch.tensor([[0, math.log(3)]]), torch.tensor([1]), smoothing=0.2)
    assert loss.item() == pytest.approx(0.9 * math.log(4 / 3) + 0.1 * math.log(4), abs=1e-6)
    assert f"{loss.item():.4f}" == "0.3975"


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
@pytest.mark.parametrize("scale", [1, 1000])
def test_equals_pytorchs(blocks, generator, same_gradients, smoothing, scale):
    logits = torch.randn(6, 5, generator=generator)
    labels = torch.randint(5, (6,), generator=generator)
    same_gradients(
        lambda x: blocks.losses.smoothed_cross_entropy(scale * x, labels, smoothing=smoothing),
        lambda x: F.cross_entropy(scale * x, labels, label_smoothing=smoothing),
        logits,
    )


@pytest.mark.parametrize("smoothing", [1, 1.5, -0.1])
def test_a_smoothing_that_is_none_is_refused(blocks, smoothing):
    with pytest.raises(ValueError, match=rf"^smoothing={smoothing} is not in \[0, 1\)$"):
        blocks.losses.smoothed_cross_entropy(torch.zeros(1, 2), torch.zeros(1, dtype=torch.long), smoothing=smoothing)
