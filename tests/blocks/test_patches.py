"""Patches against cutting a picture up and multiplying; class token and positions against a plain loop."""

import pytest

pytest.importorskip("torch", reason="blocks are made of PyTorch")

import torch
from torch.nn import functional as F


@pytest.mark.parametrize(("size", "patch"), [((8, 8), 4), ((6, 9), 3), ((4, 4), 4)], ids=str)
def test_equals_unfolding_and_one_product(blocks, generator, same, same_gradients, size, patch):
    embedding = blocks.patches.PatchEmbedding(in_channels=3, patch_size=patch, dim=5)
    weight = embedding.projection.weight.detach().clone().requires_grad_()

    def unfolded(x):
        cut = F.unfold(x, patch, stride=patch)  # (B, C * patch * patch, T), patches row by row
        return cut.transpose(1, 2) @ weight.flatten(1).T + embedding.projection.bias.detach()

    x = torch.randn(2, 3, *size, generator=generator)
    same_gradients(embedding, unfolded, x)
    same(embedding.projection.weight.grad, weight.grad, 1e-5)


def test_patches_come_row_by_row(blocks):
    embedding = blocks.patches.PatchEmbedding(in_channels=1, patch_size=2, dim=1)
    torch.nn.init.constant_(embedding.projection.weight, 0.25)
    torch.nn.init.zeros_(embedding.projection.bias)
    picture = torch.tensor([[0.0, 1, 2], [3, 4, 5]]).repeat_interleave(2, 0).repeat_interleave(2, 1)
    assert embedding(picture[None, None]).flatten().tolist() == [0, 1, 2, 3, 4, 5]


def test_a_border_is_refused_and_not_cut_off(blocks):
    embedding = blocks.patches.PatchEmbedding(in_channels=1, patch_size=4, dim=2)
    with pytest.raises(ValueError, match=r"^patch_size=4 does not divide a picture of 30 x 32$"):
        embedding(torch.zeros(1, 1, 30, 32))


def test_class_token_and_positions(blocks, generator):
    module = blocks.patches.ClassTokenAndPositions(tokens=4, dim=3)
    x = torch.randn(2, 4, 3, generator=generator)
    got = module(x)
    assert got.shape == (2, 5, 3)
    for sample in range(2):
        assert torch.equal(got[sample, 0], (module.class_token + module.positions[:, :1])[0, 0])
        for token in range(4):
            assert torch.equal(got[sample, 1 + token], x[sample, token] + module.positions[0, 1 + token])


def test_the_class_token_gathers_the_gradient_of_the_whole_batch(blocks, generator, same):
    module = blocks.patches.ClassTokenAndPositions(tokens=4, dim=3)
    upstream = torch.randn(6, 5, 3, generator=generator)
    module(torch.randn(6, 4, 3, generator=generator)).backward(upstream)
    same(module.class_token.grad, upstream[:, :1].sum(dim=0, keepdim=True))
    same(module.positions.grad, upstream.sum(dim=0, keepdim=True))


def test_they_begin_as_small_noise(blocks):
    module = blocks.patches.ClassTokenAndPositions(tokens=99, dim=200)
    assert module.positions.std().item() == pytest.approx(0.02, rel=0.03)
    assert module.class_token.std().item() == pytest.approx(0.02, rel=0.3)
