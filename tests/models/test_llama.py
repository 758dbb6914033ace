"""Llama beside transformers' on the same random weights, with and without filling; the cache changes nothing."""

import pytest

pytest.importorskip("torch", reason="the models are made of PyTorch")

import torch

from upslope.blocks.language.cache import KeyValueCache
from upslope.models.build import build
from upslope.models.checkpoints import rename, translate
from upslope.models.language.llama import HUGGINGFACE, Llama

SMALL = {"vocab_size": 50, "context": 64, "dim": 32, "depth": 3, "heads": 4, "hidden": 48, "rotary_base": 5000.0}


@pytest.fixture(scope="module")
def transformers():
    """The library, imported once and kept from the network."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        yield pytest.importorskip("transformers", reason="it is the independent implementation")


def pair(transformers, *, kv_heads=2, tied=False):
    """Theirs with random weights, far from those of a fresh model, and ours with the same, read by the card's rules."""
    config = transformers.LlamaConfig(
        vocab_size=50,
        max_position_embeddings=64,
        hidden_size=32,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=kv_heads,
        intermediate_size=48,
        rms_norm_eps=1e-5,
        rope_theta=5000.0,
        tie_word_embeddings=tied,
        attn_implementation="eager",
    )
    theirs, generator = transformers.LlamaForCausalLM(config).eval(), torch.Generator().manual_seed(0)
    with torch.no_grad():
        for value in theirs.parameters():
            drawn = torch.randn(value.shape, generator=generator)
            value.copy_(1 + 0.3 * drawn if value.ndim == 1 else drawn / value.shape[1] ** 0.5)
    ours = Llama(**SMALL, kv_heads=kv_heads, tied=tied)
    held = {k: v for k, v in theirs.state_dict().items() if not (tied and k == "lm_head.weight")}
    ours.load_state_dict(translate(held, HUGGINGFACE, ours.state_dict(), name="theirs"))
    return ours, theirs


def tokens(batch, length, *, high=50, seed=0):
    return torch.randint(high, (batch, length), generator=torch.Generator().manual_seed(seed))


def compare_gradients(ours, theirs):
    given = {name: parameter.grad for name, parameter in theirs.named_parameters()}
    wanted = translate(given, HUGGINGFACE, ours.state_dict(), name="theirs")
    for name, parameter in ours.named_parameters():
        assert wanted[name].any(), name
        torch.testing.assert_close(parameter.grad, wanted[name], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("kv_heads", [1, 2, 4])
def test_logits_and_gradients_are_those_of_transformers(transformers, kv_heads, tied):
    ours, theirs = pair(transformers, kv_heads=kv_heads, tied=tied)
    text = tokens(3, 21)
    got, expected = ours(text), theirs(text).logits
    assert expected.abs().max() > 1
    torch.testing.assert_close(got, expected, atol=1e-5, rtol=0)
    upstream = torch.randn(expected.shape, generator=torch.Generator().manual_seed(1)) / 30
    got.backward(upstream)
    expected.backward(upstream)
    compare_gradients(ours, theirs)


@pytest.mark.parametrize("side", ["left", "right"])
def test_filling_on_either_side_is_as_in_transformers(transformers, side):
    ours, theirs = pair(transformers)
    text = tokens(4, 17)
    lengths = torch.tensor([17, 9, 1, 12])[:, None]
    mask = torch.arange(17) < lengths if side == "right" else torch.arange(17) >= 17 - lengths
    got = ours(text, mask=mask)
    expected = theirs(text, attention_mask=mask.long()).logits
    torch.testing.assert_close(got[mask], expected[mask], atol=1e-5, rtol=0)
    upstream = torch.randn(expected.shape, generator=torch.Generator().manual_seed(1)) * mask[..., None] / 30
    got.backward(upstream)
    expected.backward(upstream)
    compare_gradients(ours, theirs)


@torch.no_grad()
def test_a_filled_text_has_the_logits_that_it_has_alone(transformers):
    """Rotary positions are relative: where a text begins in the batch makes no difference."""
    ours, _ = pair(transformers)
    text, mask = tokens(2, 12), torch.ones(2, 12, dtype=torch.bool)
    mask[0, :5] = False
    torch.testing.assert_close(ours(text, mask=mask)[0, 5:], ours(text[:1, 5:])[0], atol=1e-5, rtol=0)


@torch.no_grad()
@pytest.mark.parametrize("pieces", [(20,), (1,) * 20, (5, 1, 1, 10, 3), (1, 19)])
@pytest.mark.parametrize("filled", [False, True])
def test_logits_with_a_cache_are_those_without(transformers, pieces, filled):
    ours, _ = pair(transformers)
    text, mask, cache = tokens(3, 20), torch.ones(3, 20, dtype=torch.bool), KeyValueCache()
    if filled:
        mask[1, :4] = False
    expected = ours(text, mask=mask if filled else None)
    got, read = [], 0
    for piece in text.split(pieces, dim=1):
        read += piece.shape[1]
        got.append(ours(piece, cache, mask[:, :read] if filled else None))
    torch.testing.assert_close(torch.cat(got, dim=1)[mask], expected[mask], atol=1e-5, rtol=0)
    assert cache.length == 20
    assert cache.keys[0].shape == (3, 2, 20, 8)  # two heads of keys serve four of queries


def test_arguments_that_contradict_each_other_are_refused():
    with pytest.raises(ValueError, match="heads=5 does not divide dim=32"):
        build("llama-toy", heads=5)
    with pytest.raises(ValueError, match="kv_heads=3 does not divide heads=4"):
        build("llama-toy", kv_heads=3)


def test_more_than_the_context_and_a_mask_of_another_length_are_refused():
    model = build("llama-toy")
    with pytest.raises(ValueError, match="33 tokens for a model of context=32"):
        model(tokens(1, 33, high=20))
    with pytest.raises(ValueError, match="a mask of 4 tokens for 5"):
        model(tokens(1, 5, high=20), mask=torch.ones(1, 4, dtype=torch.bool))


def test_the_rules_know_the_keys_of_older_files():
    assert rename("model.layers.3.self_attn.rotary_emb.inv_freq", HUGGINGFACE) == ""
    assert rename("lm_head.weight", HUGGINGFACE) == "head.weight"
    assert rename("model.layers.3.self_attn.q_proj.bias", HUGGINGFACE) is None


def test_files_of_before_the_mlp_was_a_block_are_read():
    from upslope.models.build import built

    model = built("llama-toy", seed=0).module
    now = model.state_dict()
    before = {name.replace(".mlp.", "."): tensor for name, tensor in now.items()}
    assert set(before) != set(now)
    other = built("llama-toy", seed=1).module
    other.load_state_dict(before)
    assert all(torch.equal(tensor, now[name]) for name, tensor in other.state_dict().items())
