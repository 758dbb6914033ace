"""Transformers over text against transformers' implementations: the same random weights, the same numbers.

Two implementations that were written apart and agree on random weights compute the same function. Weights are far from
those of a fresh network, in which many mistakes do not show; texts are padded on the right and on the left; the weights
come by the rules of the cards, and so do the gradients, so every parameter of either has its place.
"""

import pytest

pytest.importorskip("torch", reason="the models are made of PyTorch")

import torch

from upslope.blocks.language.cache import KeyValueCache
from upslope.blocks.language.relative_buckets import relative_buckets
from upslope.models.build import find
from upslope.models.checkpoints import translate
from upslope.models.language.bert import Bert
from upslope.models.language.gpt2 import GPT2
from upslope.models.language.t5 import T5
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


@pytest.mark.parametrize("side", ["right", "left", "none"])
def test_gpt2(transformers, side):
    config = transformers.GPT2Config(
        vocab_size=VOCAB, n_positions=LENGTH, n_embd=32, n_layer=3, n_head=4, attn_pdrop=0, resid_pdrop=0, embd_pdrop=0
    )
    theirs = transformers.GPT2LMHeadModel(config)
    ours = GPT2(vocab_size=VOCAB, context=LENGTH, dim=32, depth=3, heads=4, dropout=0)
    the_same_weights(ours, theirs, "gpt2-small")
    tokens, mask = padded(side)
    got = ours(tokens) if side == "none" else ours(tokens, mask=mask)
    # Positions that count real tokens are what transformers' own `generate` gives its models.
    positions = (mask.long().cumsum(dim=1) - 1).clamp(min=0)
    expected = theirs(tokens, attention_mask=mask.long(), position_ids=positions).logits
    agree(ours, theirs, "gpt2-small", [(got[mask], expected[mask])])


@pytest.mark.parametrize("side", ["right", "left"])
@torch.no_grad()
def test_gpt2_says_of_a_padded_text_what_it_says_of_the_text_alone_with_a_cache_and_without(side):
    ours = GPT2(vocab_size=VOCAB, context=LENGTH, dim=32, depth=2, heads=4).eval()
    tokens, mask = padded(side)
    for cuts in [(LENGTH,), (1,) * LENGTH, (5, 1, 6)]:
        cache, ends = KeyValueCache(), torch.tensor(cuts).cumsum(0).tolist()
        pieces = zip(tokens.split(cuts, dim=1), ends, strict=True)
        got = torch.cat([ours(piece, cache, mask[:, :end]) for piece, end in pieces], dim=1)
        for row, one in enumerate(mask):
            torch.testing.assert_close(got[row, one], ours(tokens[row : row + 1, one])[0], atol=1e-5, rtol=1e-5)
    with pytest.raises(ValueError, match="13 tokens for a model of context=12"):
        ours(torch.zeros(1, 13, dtype=torch.int64))
    with pytest.raises(ValueError, match="heads=5 does not divide dim=32"):
        GPT2(dim=32, depth=1, heads=5)


@pytest.mark.parametrize("side", ["right", "left", "none"])
def test_t5(transformers, side):
    size = {"d_model": 32, "num_layers": 3, "num_heads": 4, "d_kv": 6, "d_ff": 48, "dropout_rate": 0}
    config = transformers.T5Config(
        vocab_size=VOCAB, **size, relative_attention_num_buckets=8, relative_attention_max_distance=10
    )
    theirs = transformers.T5ForConditionalGeneration(config)
    ours = T5(vocab_size=VOCAB, dim=32, depth=3, heads=4, head_dim=6, hidden=48, buckets=8, max_distance=10, dropout=0)
    the_same_weights(ours, theirs, "t5-small")
    source, source_mask = padded(side)
    target, target_mask = padded("right" if side == "left" else side, seed=4)
    target_mask = target_mask.flip(0)
    masks = (None, None) if side == "none" else (source_mask, target_mask)
    got = ours(source, target, *masks)
    states = ours.encode(source, masks[0])
    expected = theirs(
        input_ids=source,
        attention_mask=source_mask.long(),
        decoder_input_ids=target,
        decoder_attention_mask=target_mask.long(),
    )
    shown = [(got[target_mask], expected.logits[target_mask])]
    shown.append((states[source_mask], expected.encoder_last_hidden_state[source_mask]))
    agree(ours, theirs, "t5-small", shown)


def test_relative_buckets_are_those_of_t5(transformers):
    from transformers.models.t5.modeling_t5 import T5Attention

    distance = torch.arange(-1000, 1001)
    for bidirectional in (True, False):
        for buckets, most in [(32, 128), (32, 20), (8, 16), (64, 500)]:
            expected = T5Attention._relative_position_bucket(distance, bidirectional, buckets, most)
            got = relative_buckets(distance, bidirectional=bidirectional, buckets=buckets, max_distance=most)
            assert torch.equal(got, expected)
    few = torch.tensor([0, -1, -3, -4, -6, -9, -100, 5])
    assert relative_buckets(few, bidirectional=False, buckets=8, max_distance=16).tolist() == [0, 1, 3, 4, 5, 6, 7, 0]
