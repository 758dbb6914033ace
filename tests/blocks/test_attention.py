"""Attention against PyTorch's own: results, gradients, masks, and the heads of multi-head attention."""

import math

import pytest

pytest.importorskip("torch", reason="blocks are made of PyTorch")

import torch
from torch import nn
from torch.nn import functional as F


def test_the_worked_number(blocks):
    q, k, v = torch.tensor([[1.0, 0]]), torch.tensor([[math.log(3) * 2**0.5, 0], [0, 0]]), torch.tensor([[4.0], [0]])
    assert blocks.attention.scaled_dot_product_attention(q, k, v).tolist() == [[pytest.approx(3, abs=1e-6)]]


@pytest.mark.parametrize("leading", [(), (2,), (2, 3)], ids=str)
@pytest.mark.parametrize("masked", [False, True])
def test_equals_the_kernel_of_pytorch(blocks, generator, same_gradients, leading, masked):
    queries, keys, dim, values = 5, 7, 8, 6
    q, k, v = (
        torch.randn(*leading, *shape, generator=generator) for shape in ((queries, dim), (keys, dim), (keys, values))
    )
    mask = None
    if masked:
        mask = torch.rand(*leading, queries, keys, generator=generator) < 0.5
        mask[..., 0] = True  # every query sees something
    same_gradients(
        lambda q, k, v: blocks.attention.scaled_dot_product_attention(q, k, v, mask=mask),
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, attn_mask=mask),
        q, k, v,
    )  # fmt: skip


def test_one_mask_serves_all_heads_and_samples(blocks, generator, same):
    q = torch.randn(2, 3, 4, 8, generator=generator)
    mask = torch.ones(4, 4, dtype=torch.bool).tril()
    got = blocks.attention.scaled_dot_product_attention(q, q, q, mask=mask[None, None])
    same(got, F.scaled_dot_product_attention(q, q, q, is_causal=True))


def test_what_is_masked_counts_nothing_and_an_empty_row_is_nan(blocks, generator):
    q, k, v = (torch.randn(3, 4, generator=generator) for _ in range(3))
    mask = torch.tensor([[True, False, True], [True, True, True], [False, False, False]])
    before = blocks.attention.scaled_dot_product_attention(q, k, v, mask=mask)
    v[1] = 1e6
    after = blocks.attention.scaled_dot_product_attention(q, k, v, mask=mask)
    assert torch.equal(before[0], after[0])
    assert not torch.equal(before[1], after[1])
    assert after[2].isnan().all()


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("bias", [False, True])
def test_multi_head_attention_equals_pytorchs(blocks, generator, same, same_gradients, fused, bias):
    dim, heads = 12, 3
    ours = blocks.attention.MultiHeadAttention(dim, heads=heads, bias=bias, fused=fused)
    theirs = nn.MultiheadAttention(dim, heads, bias=True, batch_first=True)
    with torch.no_grad():
        for parameter in ours.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
        theirs.in_proj_weight.copy_(ours.qkv.weight)
        theirs.in_proj_bias.copy_(ours.qkv.bias if bias else torch.zeros(3 * dim))
        theirs.out_proj.load_state_dict(ours.projection.state_dict())
    mask = torch.rand(5, 5, generator=generator) < 0.6
    mask.fill_diagonal_(True)
    x = torch.randn(2, 5, dim, generator=generator)
    for allowed in (None, mask):
        ours.zero_grad()
        theirs.zero_grad()
        forbidden = None if allowed is None else ~allowed  # PyTorch's module marks what may not be seen
        same_gradients(
            lambda x, allowed=allowed: ours(x, mask=allowed),
            lambda x, forbidden=forbidden: theirs(x, x, x, attn_mask=forbidden, need_weights=False)[0],
            x,
        )
        same(ours.qkv.weight.grad, theirs.in_proj_weight.grad, 1e-5)
        same(ours.projection.weight.grad, theirs.out_proj.weight.grad, 1e-5)
        same(ours.projection.bias.grad, theirs.out_proj.bias.grad, 1e-5)
        if bias:
            same(ours.qkv.bias.grad, theirs.in_proj_bias.grad, 1e-5)


def test_heads_that_do_not_divide_are_refused(blocks):
    with pytest.raises(ValueError, match=r"^heads=6 does not divide dim=100$"):
        blocks.attention.MultiHeadAttention(100, heads=6)
