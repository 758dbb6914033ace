"""Layer normalisation against PyTorch's own."""

import pytest

pytest.importorskip("torch", reason="blocks are made of PyTorch")

import torch
from torch import nn
from torch.nn import functional as F


def test_the_worked_number(blocks):
    x, weight, bias = torch.tensor([1.0, 3.0]), torch.tensor([1.0, 2.0]), torch.tensor([0.0, 1.0])
    assert blocks.norms.layer_norm(x, weight, bias, eps=0).tolist() == [-1, 3]


@pytest.mark.parametrize("shape", [(7,), (2, 7), (2, 3, 4, 7), (0, 7)], ids=str)
@pytest.mark.parametrize("eps", [1e-6, 0.1])
def test_equals_the_kernel_of_pytorch(blocks, generator, same_gradients, shape, eps):
    x, weight, bias = (torch.randn(size, generator=generator) for size in (shape, (7,), (7,)))
    if x.numel() == 0:
        assert blocks.norms.layer_norm(x, weight, bias).shape == shape
        return
    same_gradients(
        lambda x, w, b: blocks.norms.layer_norm(3 + 5 * x, w, b, eps=eps),
        lambda x, w, b: F.layer_norm(3 + 5 * x, (7,), w, b, eps),
        x, weight, bias,
    )  # fmt: skip


def test_a_constant_row_gives_the_bias(blocks):
    bias = torch.tensor([1.0, -2, 3])
    assert torch.equal(blocks.norms.layer_norm(torch.full((2, 3), 4.0), torch.ones(3), bias), bias.expand(2, 3))


@pytest.mark.parametrize("fused", [False, True])
def test_the_module_equals_pytorchs(blocks, generator, same, same_gradients, fused):
    ours, theirs = blocks.norms.LayerNorm(6, eps=1e-3, fused=fused), nn.LayerNorm(6, eps=1e-3)
    assert dict(ours.state_dict()).keys() == dict(theirs.state_dict()).keys()
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    ours.load_state_dict(theirs.state_dict())
    same_gradients(ours, theirs, torch.randn(4, 5, 6, generator=generator))
    same(ours.weight.grad, theirs.weight.grad, 1e-5)
    same(ours.bias.grad, theirs.bias.grad, 1e-5)


def test_it_begins_as_pytorchs_does(blocks):
    ours, theirs = blocks.norms.LayerNorm(6), nn.LayerNorm(6)
    assert all(value.equal(theirs.state_dict()[name]) for name, value in ours.state_dict().items())
