"""Masks of attention over texts, by hand and against PyTorch's own causal attention."""

import pytest

pytest.importorskip("torch", reason="blocks are made of PyTorch")

import torch
from torch.nn import functional as F

from upslope.blocks.language.masks import additive_mask, causal_mask, cross_mask, padding_mask


def test_by_hand():
    assert causal_mask(3).int().tolist() == [[1, 0, 0], [1, 1, 0], [1, 1, 1]]
    real = torch.tensor([[True, True, False], [False, True, True]])
    assert padding_mask(real).int().tolist() == [
        [[[1, 1, 0], [1, 1, 0], [1, 1, 1]]],
        [[[1, 1, 1], [0, 1, 1], [0, 1, 1]]],
    ]
    assert padding_mask(real, causal=True).int().tolist() == [
        [[[1, 0, 0], [1, 1, 0], [1, 1, 1]]],
        [[[1, 0, 0], [0, 1, 0], [0, 1, 1]]],
    ]
    assert cross_mask(torch.tensor([[True, False], [False, False]])).int().tolist() == [[[[1, 0]]], [[[1, 1]]]]


def test_the_causal_mask_is_pytorchs():
    q, k, v = torch.randn(3, 2, 4, 6, 8, generator=torch.Generator().manual_seed(0))
    expected = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    for mask in (causal_mask(6), padding_mask(torch.ones(2, 6, dtype=torch.bool), causal=True)):
        torch.testing.assert_close(F.scaled_dot_product_attention(q, k, v, attn_mask=mask), expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_an_additive_mask_hides_and_never_gives_nan(dtype):
    scores = torch.randn(5, 6, generator=torch.Generator().manual_seed(0)).to(dtype)
    mask = torch.rand(5, 6, generator=torch.Generator().manual_seed(1)) < 0.5
    mask[0] = False
    weights = (scores + additive_mask(mask, scores.new_zeros(()))).softmax(dim=-1)
    assert not weights[1:][~mask[1:]].any()
    torch.testing.assert_close(weights[1:], scores.masked_fill(~mask, float("-inf")).softmax(dim=-1)[1:])
    assert torch.isfinite(weights).all(), "a row in which nothing is seen"
