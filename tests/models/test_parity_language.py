"""Transformers over text against transformers' implementations: the same random weights, the same numbers.

Two implementations that were written apart and agree on random weights compute the same function. Weights are far from
those of a fresh network, in which many mistakes do not show; texts are padded on the right and on the left; the weights
come by the rules of the cards, and so do the gradients, so every parameter of either has its place.
"""

import pytest

pytest.importorskip("torch", reason="the models are made of PyTorch")

import torch

from upslope.models.build import find
from upslope.models.checkpoints import translate
from upslope.models.language.bert import Bert
from upslope.models.pretrained import formats

VOCAB, LENGTH, LENGTHS = 60, 12, (12, 7, 1, 10)


@pytest.fixture(scope="module")
def transformers():
    """The library, imported once and kept from the network."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        yield pytest.importorskip("transformers", reason="it is the independent implementation")


def ours_as(tensors, name, ours):
    """Tensors under their names, weights or gradients, as the card's rules make them ours."""
    rules = formats(find(name)[0])["huggingface"]
    return translate(tensors, rules, ours.state_dict(), name="theirs")


def the_same_weights(ours, theirs, name):
    """Random weights for both: scales about 1, shifts about 0."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for key, value in theirs.named_parameters():
            drawn = torch.randn(value.shape, generator=generator)
            scale = "norm" in key.lower() or "ln_" in key
            value.copy_(drawn * 0.2 + (scale and key.endswith("weight")) if value.ndim < 2 else drawn * 0.2)
    ours.load_state_dict(ours_as(theirs.state_dict(), name, ours))
    ours.eval()
    theirs.eval()


def padded(side, *, seed=1, low=0, pad=None):
    """Four texts of up to twelve tokens in a batch, and which of its tokens are real."""
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.randint(low, VOCAB, (len(LENGTHS), LENGTH), generator=generator)
    mask = torch.arange(LENGTH) < torch.tensor(LENGTHS)[:, None]
    mask = mask.flip(1) if side == "left" else mask if side == "right" else torch.ones_like(mask)
    return tokens if pad is None else tokens.masked_fill(~mask, pad), mask


def agree(ours, theirs, name, pairs):
    """Outputs, (got, expected), within 1e-5; gradients of all parameters within 1e-4."""
    generator = torch.Generator().manual_seed(2)
    upstream = []
    for got, expected in pairs:
        assert got.shape == expected.shape
        assert expected.abs().max() > 0.1, "numbers that can differ"
        assert (got - expected).abs().max() <= 1e-5 * max(1, expected.abs().max())
        upstream.append(torch.randn(got.shape, generator=generator))
    torch.autograd.backward([got for got, _ in pairs], upstream)
    torch.autograd.backward([expected for _, expected in pairs], upstream)
    gradients = {key: parameter.grad for key, parameter in theirs.named_parameters()}
    for key, expected in ours_as(gradients, name, ours).items():
        got = ours.get_parameter(key).grad
        assert expected.any(), f"{key} has nothing to compare"
        assert (got - expected).abs().max() <= 1e-4 * max(1, expected.abs().max()), key


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("side", ["right", "left", "none"])
def test_bert(transformers, side, fused):
    config = transformers.BertConfig(
        vocab_size=VOCAB,
        hidden_size=32,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=48,
        max_position_embeddings=LENGTH,
        pad_token_id=None,
    )
    theirs = transformers.BertForPreTraining(config)
    ours = Bert(
        vocab_size=VOCAB, context=LENGTH, dim=32, depth=3, heads=4, hidden=48, pretraining=True, dropout=0, fused=fused
    )
    the_same_weights(ours, theirs, "bert-base")
    tokens, mask = padded(side)
    segments = torch.randint(2, tokens.shape, generator=torch.Generator().manual_seed(3))
    got = ours(tokens, None if side == "none" else mask, segments)
    expected = theirs(tokens, mask.long(), segments, output_hidden_states=True)
    pairs = [(got.states[mask], expected.hidden_states[-1][mask]), (got.logits[mask], expected.prediction_logits[mask])]
    # [CLS] is the first token: with padding on the left it is none, in either implementation.
    first = mask[:, 0]
    pairs.append((got.next_sentence[first], expected.seq_relationship_logits[first]))
    agree(ours, theirs, "bert-base", pairs)


def test_bert_without_segments_is_bert_with_all_of_them_0(transformers):
    ours = Bert(vocab_size=VOCAB, context=LENGTH, dim=32, depth=1, heads=4).eval()
    tokens, mask = padded("right")
    torch.testing.assert_close(ours(tokens, mask).states, ours(tokens, mask, torch.zeros_like(tokens)).states)
    assert torch.isfinite(ours(tokens, torch.zeros_like(mask)).states).all(), "a text of padding only is no nan"
    with pytest.raises(ValueError, match="13 tokens for a model of context=12"):
        ours(torch.zeros(1, 13, dtype=torch.int64))
