"""Sorting only the likeliest tokens gives the probabilities of sorting all."""

import pytest

pytest.importorskip("torch", reason="blocks are made of PyTorch")

import torch

from upslope.blocks.language.sampling import likeliest_tokens, next_token_probabilities


@pytest.mark.parametrize("temperature", [0.0, 0.2, 1.0, 3.0])
@pytest.mark.parametrize("top_k", [0, 1, 5, 32, 33, 500])
@pytest.mark.parametrize("top_p", [0.1, 0.9, 1.0])
@pytest.mark.parametrize("batch", [1, 3])
def test_the_probabilities_are_the_same(temperature, top_k, top_p, batch):
    logits = 3 * torch.randn(batch, 200, generator=torch.Generator().manual_seed(0))
    how = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
    found, tokens = likeliest_tokens(logits, most=32, **how)
    got = torch.zeros_like(logits).scatter(1, tokens, found)
    expected = next_token_probabilities(logits, **how)
    torch.testing.assert_close(got, expected, atol=1e-5, rtol=0)
    if top_k or top_p < 1:  # of all tokens the rounding of a sum may lose the last ones
        assert torch.equal(got > 0, expected > 0)


def test_few_are_sorted_where_few_are_likely():
    logits = torch.zeros(1, 200)
    logits[0, 7] = 20
    assert likeliest_tokens(logits, temperature=1.0, top_p=0.9, most=32)[0].shape == (1, 32)
    assert likeliest_tokens(logits * 0, temperature=1.0, top_p=0.9, most=32)[0].shape == (1, 200)
