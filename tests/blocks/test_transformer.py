"""The encoder block against PyTorch's TransformerEncoderLayer with the norm in front."""

import pytest

pytest.importorskip("torch", reason="blocks are made of PyTorch")

import torch
from torch import nn


@pytest.fixture
def pair(blocks, generator):
    """Our block and PyTorch's, with the same random weights, and which parameter of ours is which of theirs."""

    def make(fused):
        dim, heads = 12, 3
        ours = blocks.transformer.EncoderBlock(dim, heads=heads, mlp_ratio=2.5, eps=1e-3, fused=fused)
        theirs = nn.TransformerEncoderLayer(
            dim, heads, 30, dropout=0.0, activation="gelu", layer_norm_eps=1e-3, batch_first=True, norm_first=True
        )
        names = {
            "norm1": "norm1",
            "norm2": "norm2",
            "attention.projection": "self_attn.out_proj",
            "mlp.0": "linear1",
            "mlp.3": "linear2",
        }
        keys = {f"{a}.{kind}": f"{b}.{kind}" for a, b in names.items() for kind in ("weight", "bias")}
        keys |= {f"attention.qkv.{kind}": f"self_attn.in_proj_{kind}" for kind in ("weight", "bias")}
        other = dict(theirs.named_parameters())
        with torch.no_grad():
            for name, parameter in ours.named_parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
                other[keys[name]].copy_(parameter)
        assert set(keys.values()) == set(other)
        return ours, theirs, keys

    return make


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("causal", [False, True])
def test_equals_pytorchs_layer(pair, generator, same, same_gradients, fused, causal):
    ours, theirs, keys = pair(fused)
    allowed = torch.ones(5, 5, dtype=torch.bool).tril() if causal else None
    forbidden = ~allowed if causal else None
    x = torch.randn(2, 5, 12, generator=generator)
    same_gradients(lambda x: ours(x, mask=allowed), lambda x: theirs(x, src_mask=forbidden), x)
    other = dict(theirs.named_parameters())
    for name, parameter in ours.named_parameters():
        same(parameter.grad, other[keys[name]].grad, 1e-5)


def test_dropout_and_stochastic_depth_are_where_they_should_be(blocks, generator, same):
    block = blocks.transformer.EncoderBlock(8, heads=2, dropout=0.5, drop_path=0.5)
    x = torch.randn(64, 3, 8, generator=generator)
    torch.manual_seed(0)
    with torch.no_grad():
        got = block.train()(x)
        expected = block.eval()(x)
    untouched = (got == x).flatten(1).all(dim=1)
    # A quarter of the samples skips both branches; in evaluation none does.
    assert 4 <= untouched.sum() <= 30
    assert not (expected == x).flatten(1).all(dim=1).any()
    assert [type(part).__name__ for part in block.mlp] == ["Linear", "GELU", "Dropout", "Linear", "Dropout"]
