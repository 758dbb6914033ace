"""Transformers over text against transformers' implementations: the same random weights, the same numbers.

Two implementations that were written apart and agree on random weights compute the same function. Weights are far from
those of a fresh network, in which many mistakes do not show; texts are padded on the right and on the left; the weights
come by the rules of the cards, and so do the gradients, so every parameter of either has its place.
"""

import math

import pytest

pytest.importorskip("torch", reason="the models are made of PyTorch")

import torch

from upslope.blocks.language.cache import KeyValueCache
from upslope.blocks.language.relative_buckets import relative_buckets
from upslope.blocks.language.sinusoidal import sinusoidal_positions
from upslope.models.build import find
from upslope.models.checkpoints import translate
from upslope.models.language.albert import Albert
from upslope.models.language.bert import Bert
from upslope.models.language.distilbert import DistilBert, distillation_loss
from upslope.models.language.gpt2 import GPT2
from upslope.models.language.roberta import Roberta, positions_of
from upslope.models.language.t5 import T5
from upslope.models.language.transformer import Transformer
from upslope.models.pretrained import formats

VOCAB, LENGTH, LENGTHS = 60, 12, (12, 7, 1, 10)


@pytest.fixture(scope="module")
def transformers():
    """The library, imported once and kept from the network."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        yield pytest.importorskip("transformers", reason="it is the independent implementation")


def ours_as(tensors, name, ours):
    """Tensors under their names, weights or gradients, as the rules make them ours: those of a card, or given ones."""
    rules = formats(find(name)[0])["huggingface"] if isinstance(name, str) else name
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
        assert expected.abs().max() > 0.05, "numbers that can differ"
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
def test_roberta(transformers, side):
    config = transformers.RobertaConfig(
        vocab_size=VOCAB,
        hidden_size=32,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=48,
        max_position_embeddings=LENGTH + 2,
        type_vocab_size=1,
        layer_norm_eps=1e-5,
    )
    theirs = transformers.RobertaForMaskedLM(config)
    ours = Roberta(
        vocab_size=VOCAB, context=LENGTH, dim=32, depth=3, heads=4, hidden=48, dropout=0, pooler=False, pretraining=True
    )
    tokens, mask = padded(side, low=2, pad=1)
    the_same_weights(ours, theirs, "roberta-base")
    with torch.no_grad():  # transformers leaves the vector of padding without a gradient, and begins it at 0
        theirs.roberta.embeddings.word_embeddings.padding_idx = None
    got = ours(tokens, None if side == "none" else mask)
    expected = theirs(tokens, mask.long(), output_hidden_states=True)
    pairs = [(got.states[mask], expected.hidden_states[-1][mask]), (got.logits[mask], expected.logits[mask])]
    agree(ours, theirs, "roberta-base", pairs)


def test_roberta_counts_real_tokens():
    tokens = torch.tensor([[1, 1, 5, 6], [7, 8, 9, 1]])
    assert positions_of(tokens).tolist() == [[1, 1, 2, 3], [2, 3, 4, 1]]
    with pytest.raises(ValueError, match="13 tokens for a model of context=12"):
        Roberta(dim=32, depth=1, heads=4, context=12)(torch.zeros(1, 13, dtype=torch.int64))


@pytest.mark.parametrize("side", ["right", "left", "none"])
def test_albert(transformers, side):
    config = transformers.AlbertConfig(
        vocab_size=VOCAB,
        embedding_size=16,
        hidden_size=32,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=48,
        max_position_embeddings=LENGTH,
        pad_token_id=None,
        classifier_dropout_prob=0,
    )
    theirs = transformers.AlbertForPreTraining(config)
    ours = Albert(
        vocab_size=VOCAB, context=LENGTH, embedding_dim=16, dim=32, depth=3, heads=4, hidden=48, pretraining=True
    )
    the_same_weights(ours, theirs, "albert-base")
    tokens, mask = padded(side)
    segments = torch.randint(2, tokens.shape, generator=torch.Generator().manual_seed(3))
    got = ours(tokens, None if side == "none" else mask, segments)
    expected = theirs(tokens, mask.long(), segments, output_hidden_states=True)
    pairs = [(got.states[mask], expected.hidden_states[-1][mask]), (got.logits[mask], expected.prediction_logits[mask])]
    first = mask[:, 0]
    pairs.append((got.sentence_order[first], expected.sop_logits[first]))
    agree(ours, theirs, "albert-base", pairs)


@pytest.mark.parametrize("side", ["right", "left", "none"])
def test_distilbert(transformers, side):
    config = transformers.DistilBertConfig(
        vocab_size=VOCAB,
        dim=32,
        n_layers=3,
        n_heads=4,
        hidden_dim=48,
        max_position_embeddings=LENGTH,
        pad_token_id=None,
    )
    theirs = transformers.DistilBertForMaskedLM(config)
    ours = DistilBert(
        vocab_size=VOCAB, context=LENGTH, dim=32, depth=3, heads=4, hidden=48, dropout=0, pretraining=True
    )
    the_same_weights(ours, theirs, "distilbert-base")
    tokens, mask = padded(side)
    got = ours(tokens, None if side == "none" else mask)
    expected = theirs(tokens, mask.long(), output_hidden_states=True)
    pairs = [(got.states[mask], expected.hidden_states[-1][mask]), (got.logits[mask], expected.logits[mask])]
    agree(ours, theirs, "distilbert-base", pairs)


def test_distillation_is_the_divergence_of_softened_probabilities():
    generator = torch.Generator().manual_seed(0)
    student, teacher = torch.randn(2, 3, 5, 7, generator=generator, dtype=torch.float64) * 3
    expected = torch.nn.functional.kl_div(
        (student / 4).log_softmax(-1).flatten(0, 1), (teacher / 4).softmax(-1).flatten(0, 1), reduction="batchmean"
    )
    torch.testing.assert_close(distillation_loss(student, teacher, temperature=4.0), expected * 16)
    pair = torch.tensor([0.0, 0.0]), torch.tensor([2 * math.log(3), 0.0])
    assert distillation_loss(*pair).item() == pytest.approx(0.5232, abs=1e-4)


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


MARIAN = (  # the names of transformers' Marian, which is the Transformer of 2017, and ours
    (r"(?:model\.shared|model\.(?:en|de)coder\.embed_tokens|lm_head)\.weight", "=embedding.weight"),
    (r"model\.(?:en|de)coder\.embed_positions\.weight|final_logits_bias", ""),
    (r"model\.(\w+)\.layers\.(\d+)\.self_attn\.q_proj\.(.+)", r"\1.\2.attention.qkv.\3[1/3]"),
    (r"model\.(\w+)\.layers\.(\d+)\.self_attn\.k_proj\.(.+)", r"\1.\2.attention.qkv.\3[2/3]"),
    (r"model\.(\w+)\.layers\.(\d+)\.self_attn\.v_proj\.(.+)", r"\1.\2.attention.qkv.\3[3/3]"),
    (r"model\.(\w+)\.layers\.(\d+)\.self_attn\.out_proj\.(.+)", r"\1.\2.attention.projection.\3"),
    (r"model\.(\w+)\.layers\.(\d+)\.self_attn_layer_norm\.(.+)", r"\1.\2.norm1.\3"),
    (r"model\.decoder\.layers\.(\d+)\.encoder_attn\.q_proj\.(.+)", r"decoder.\1.cross.q.\2"),
    (r"model\.decoder\.layers\.(\d+)\.encoder_attn\.k_proj\.(.+)", r"decoder.\1.cross.kv.\2[1/2]"),
    (r"model\.decoder\.layers\.(\d+)\.encoder_attn\.v_proj\.(.+)", r"decoder.\1.cross.kv.\2[2/2]"),
    (r"model\.decoder\.layers\.(\d+)\.encoder_attn\.out_proj\.(.+)", r"decoder.\1.cross.projection.\2"),
    (r"model\.decoder\.layers\.(\d+)\.encoder_attn_layer_norm\.(.+)", r"decoder.\1.norm2.\2"),
    (r"model\.(\w+)\.layers\.(\d+)\.fc1\.(.+)", r"\1.\2.mlp.0.\3"),
    (r"model\.(\w+)\.layers\.(\d+)\.fc2\.(.+)", r"\1.\2.mlp.2.\3"),
    (r"model\.encoder\.layers\.(\d+)\.final_layer_norm\.(.+)", r"encoder.\1.norm2.\2"),
    (r"model\.decoder\.layers\.(\d+)\.final_layer_norm\.(.+)", r"decoder.\1.norm3.\2"),
)


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("side", ["right", "left", "none"])
def test_transformer(transformers, side, fused):
    size = {"encoder_layers": 3, "decoder_layers": 3, "encoder_attention_heads": 4, "decoder_attention_heads": 4}
    config = transformers.MarianConfig(
        vocab_size=VOCAB,
        d_model=32,
        **size,
        encoder_ffn_dim=48,
        decoder_ffn_dim=48,
        max_position_embeddings=LENGTH,
        scale_embedding=True,
        activation_function="relu",
        pad_token_id=0,
    )
    theirs = transformers.MarianMTModel(config)
    for embedding in (theirs.model.shared, theirs.model.encoder.embed_tokens, theirs.model.decoder.embed_tokens):
        embedding.padding_idx = None
    ours = Transformer(vocab_size=VOCAB, dim=32, depth=3, heads=4, hidden=48, dropout=0, eps=1e-5, fused=fused)
    the_same_weights(ours, theirs, MARIAN)
    # Its table holds all sines in front of all cosines, and the paper's has them in turns: here it is given the latter.
    for stack in (theirs.model.encoder, theirs.model.decoder):
        with torch.no_grad():
            stack.embed_positions.weight.copy_(sinusoidal_positions(LENGTH, 32))
    source, source_mask = padded(side)
    target, target_mask = padded("right" if side == "left" else side, seed=4)
    target_mask = target_mask.flip(0)
    masks = (None, None) if side == "none" else (source_mask, target_mask)
    got, states = ours(source, target, *masks), ours.encode(source, masks[0])
    expected = theirs(
        input_ids=source,
        attention_mask=source_mask.long(),
        decoder_input_ids=target,
        decoder_attention_mask=target_mask.long(),
    )
    shown = [(got[target_mask], expected.logits[target_mask])]
    shown.append((states[source_mask], expected.encoder_last_hidden_state[source_mask]))
    agree(ours, theirs, MARIAN, shown)


def test_sinusoidal_positions_are_the_papers():
    expected = [
        [f(t / 10_000 ** (2 * (i // 2) / 6)) for i, f in enumerate([math.sin, math.cos] * 3)] for t in range(50)
    ]
    torch.testing.assert_close(sinusoidal_positions(50, 6), torch.tensor(expected), atol=1e-5, rtol=0)
    with pytest.raises(ValueError, match="dim=33 is odd"):
        Transformer(dim=33, depth=1, heads=3, hidden=8)


def test_a_source_of_padding_only_is_no_nan():
    tokens, nothing = torch.ones(2, 5, dtype=torch.int64), torch.zeros(2, 5, dtype=torch.bool)
    for model in (
        Transformer(vocab_size=9, dim=32, depth=1, heads=4, hidden=8),
        T5(vocab_size=9, dim=32, depth=1, heads=4, hidden=8),
    ):
        assert torch.isfinite(model(tokens, tokens, nothing, nothing)).all()
