"""Recorded attention is what transformers gives for `output_attentions`, on the same random weights."""

import pytest

pytest.importorskip("torch", reason="the models are made of PyTorch")

import torch
from torch.nn import functional as F

from upslope.blocks.attention_weights import recorded_attention
from upslope.models.build import find
from upslope.models.checkpoints import translate
from upslope.models.language.bert import Bert
from upslope.models.language.gpt2 import GPT2
from upslope.models.language.llama import Llama
from upslope.models.language.t5 import T5
from upslope.models.pretrained import formats
from upslope.models.vision.vit import ViT
from upslope.training.attention_maps import class_token_attention

VOCAB, LENGTH = 60, 12
EAGER = {"attn_implementation": "eager"}


@pytest.fixture(scope="module")
def transformers():
    """The library, imported once and kept from the network."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        yield pytest.importorskip("transformers", reason="it is the independent implementation")


def the_same_weights(ours, theirs, name):
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for value in theirs.parameters():
            drawn = torch.randn(value.shape, generator=generator)
            value.copy_(1 + 0.3 * drawn if value.ndim == 1 else drawn * 0.3)
    rules = formats(find(name)[0])["huggingface"]
    ours.load_state_dict(translate(theirs.state_dict(), rules, ours.state_dict(), name="theirs"))
    return ours.eval(), theirs.eval()


def tokens():
    return torch.randint(VOCAB, (2, LENGTH), generator=torch.Generator().manual_seed(1))


def agree(got, expected, *, layers, heads=4, real=slice(None)):
    assert len(got) == len(expected) == layers
    for ours, theirs in zip(got, expected, strict=True):
        assert ours.shape == theirs.shape == (2, heads, LENGTH, LENGTH)
        assert theirs[0, :, -1].amax(dim=-1).mean() > 1.5 / LENGTH, "heads that look somewhere"
        # (B, T, heads, S), so that the rows of padding, of which nobody asks, can be left out
        assert (ours - theirs).transpose(1, 2)[real].abs().max() <= 1e-5


@torch.no_grad()
def test_llama_with_grouped_heads(transformers):
    config = transformers.LlamaConfig(
        vocab_size=VOCAB,
        max_position_embeddings=LENGTH,
        hidden_size=32,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        intermediate_size=48,
        rms_norm_eps=1e-5,
        rope_theta=5000.0,
        **EAGER,
    )
    sizes = {"dim": 32, "depth": 3, "heads": 4, "kv_heads": 2, "hidden": 48, "rotary_base": 5000.0}
    ours, theirs = the_same_weights(
        Llama(vocab_size=VOCAB, context=LENGTH, **sizes), transformers.LlamaForCausalLM(config), "smollm2-135m"
    )
    with recorded_attention() as got:
        ours(tokens())
    agree(got, theirs(tokens(), output_attentions=True).attentions, layers=3)


@pytest.mark.parametrize("fused", [False, True])
@torch.no_grad()
def test_bert_looks_in_both_directions_and_at_no_padding(transformers, fused):
    config = transformers.BertConfig(
        vocab_size=VOCAB,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=48,
        max_position_embeddings=LENGTH,
        **EAGER,
    )
    sizes = {"dim": 32, "depth": 2, "heads": 4, "hidden": 48, "dropout": 0, "fused": fused, "pretraining": True}
    ours, theirs = the_same_weights(
        Bert(vocab_size=VOCAB, context=LENGTH, **sizes), transformers.BertForPreTraining(config), "bert-base"
    )
    mask = torch.arange(LENGTH) < torch.tensor([12, 7])[:, None]
    with recorded_attention() as got:
        ours(tokens(), mask)
    agree(got, theirs(tokens(), mask.long(), output_attentions=True).attentions, layers=2, real=mask)
    assert (got[0][1, :, :7, 7:] == 0).all()
    assert (got[0][0].triu(1) > 0).any()


@torch.no_grad()
def test_gpt2(transformers):
    config = transformers.GPT2Config(
        vocab_size=VOCAB, n_positions=LENGTH, n_embd=32, n_layer=2, n_head=4, resid_pdrop=0, embd_pdrop=0, **EAGER
    )
    ours, theirs = the_same_weights(
        GPT2(vocab_size=VOCAB, context=LENGTH, dim=32, depth=2, heads=4, dropout=0),
        transformers.GPT2LMHeadModel(config),
        "gpt2-small",
    )
    with recorded_attention() as got:
        ours(tokens())
    agree(got, theirs(tokens(), output_attentions=True).attentions, layers=2)


@pytest.mark.parametrize("fused", [False, True])
@torch.no_grad()
def test_t5_within_and_between_its_two_halves(transformers, fused):
    size = {"d_model": 32, "num_layers": 2, "num_heads": 4, "d_kv": 6, "d_ff": 48, "dropout_rate": 0}
    buckets = {"relative_attention_num_buckets": 8, "relative_attention_max_distance": 10}
    config = transformers.T5Config(vocab_size=VOCAB, **size, **buckets, decoder_start_token_id=0, **EAGER)
    ours, theirs = the_same_weights(
        T5(
            vocab_size=VOCAB,
            dim=32,
            depth=2,
            heads=4,
            head_dim=6,
            hidden=48,
            buckets=8,
            max_distance=10,
            dropout=0,
            fused=fused,
        ),
        transformers.T5ForConditionalGeneration(config),
        "t5-small",
    )
    given = tokens()
    with recorded_attention() as got:
        ours(given, given.flip(0))
    expected = theirs(input_ids=given, decoder_input_ids=given.flip(0), output_attentions=True)
    decoder = [
        table for pair in zip(expected.decoder_attentions, expected.cross_attentions, strict=True) for table in pair
    ]
    agree(got, [*expected.encoder_attentions, *decoder], layers=6)


@torch.no_grad()
def test_an_image_and_its_class_token():
    model = ViT(image_size=8, patch_size=4, in_channels=1, num_classes=3, dim=16, depth=2, heads=2).eval()
    x = torch.randn(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    seen = []
    hook = model.blocks[-1].attention.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    model(x)
    hook.remove()
    attention = torch.nn.MultiheadAttention(16, 2, batch_first=True).eval()
    ours = model.blocks[-1].attention
    attention.in_proj_weight.copy_(ours.qkv.weight)
    attention.in_proj_bias.copy_(ours.qkv.bias)
    _, expected = attention(seen[0], seen[0], seen[0])
    got = class_token_attention(model, x)
    assert got.shape == (3, 2, 2)
    assert abs(got.reshape(3, 4) - expected[:, 0, 1:].numpy()).max() <= 1e-6


def test_the_result_stays_and_outside_nothing_is_recorded():
    q = torch.randn(1, 2, 5, 4, generator=torch.Generator().manual_seed(0))
    expected = F.scaled_dot_product_attention(q, q, q, is_causal=True)
    with recorded_attention() as tables:
        got = F.scaled_dot_product_attention(q, q, q, is_causal=True)
        q[0].softmax(dim=-1)  # of three dimensions: no heads
    F.scaled_dot_product_attention(q, q, q)
    assert torch.equal(got, expected)
    assert len(tables) == 1
    torch.testing.assert_close(tables[0] @ q, expected)
    with recorded_attention() as tables:
        F.scaled_dot_product_attention(q.repeat(1, 2, 1, 1), q, q, scale=0.7, enable_gqa=True)
    assert tables[0].shape == (1, 4, 5, 5)
