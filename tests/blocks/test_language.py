"""The parts of language models beside other people's: PyTorch, transformers, and counting by hand."""

import itertools

import numpy as np
import pytest
import torch

from upslope.blocks.language.characters import Characters
from upslope.blocks.language.kneser_ney import KneserNey
from upslope.blocks.language.muon import Muon, muon_and_adamw, newton_schulz
from upslope.blocks.language.rotary import rotary_embedding
from upslope.blocks.language.sampling import next_token_probabilities, sample


def test_rotary_is_that_of_llama():
    from transformers import LlamaConfig
    from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding, apply_rotary_pos_emb

    config = LlamaConfig(hidden_size=32, num_attention_heads=4, rope_theta=500.0)
    q, k = torch.randn(2, 2, 4, 9, 8, generator=torch.Generator().manual_seed(0))
    cos, sin = LlamaRotaryEmbedding(config)(q, torch.arange(3, 12)[None])
    base = config.rope_parameters["rope_theta"]
    for ours, theirs in zip((q, k), apply_rotary_pos_emb(q, k, cos, sin), strict=True):
        torch.testing.assert_close(rotary_embedding(ours, start=3, base=base), theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("shape", [(6, 6), (4, 9), (9, 4)])
def test_muon_steps_like_torchs(shape):
    """PyTorch's iterates in bfloat16, so the two agree to that many digits; its momentum and scale are the same."""
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(shape, generator=generator)
    ours, theirs = (torch.nn.Parameter(start.clone()) for _ in range(2))
    optimizers = (
        Muon([{"params": [ours], "lr": 0.1, "muon": True}], weight_decay=0.1),
        torch.optim.Muon([theirs], lr=0.1, weight_decay=0.1, momentum=0.95, nesterov=True),
    )
    for _ in range(3):
        gradient = torch.randn(shape, generator=generator)
        ours.grad, theirs.grad = gradient.clone(), gradient.clone()
        for optimizer in optimizers:
            optimizer.step()
    torch.testing.assert_close(ours, theirs, rtol=0, atol=0.02)
    assert (theirs - start).abs().max() > 0.1


def test_muon_leaves_other_groups_to_adamw():
    start = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    ours, theirs, matrix = (torch.nn.Parameter(start.clone()) for _ in range(3))
    optimizers = (
        Muon([{"params": [matrix], "lr": 0.1, "muon": True}, {"params": [ours], "lr": 0.01}], betas=(0.9, 0.99)),
        torch.optim.AdamW([theirs], lr=0.01, betas=(0.9, 0.99), eps=1e-10, weight_decay=0),
    )
    for step in range(3):
        for parameter in (ours, theirs, matrix):
            parameter.grad = start * (step + 1) + 1
        for optimizer in optimizers:
            optimizer.step()
    torch.testing.assert_close(ours, theirs)
    assert not torch.equal(matrix, ours)


def test_newton_schulz_brings_singular_values_near_one():
    g = torch.randn(3, 32, 64, generator=torch.Generator().manual_seed(0))
    values = torch.linalg.svdvals(newton_schulz(g))
    assert values.min() > 0.6
    assert values.max() < 1.25
    assert torch.linalg.svdvals(g).max() > 10


def by_definition(tokens, order, vocabulary, discounts, history, token):
    """Interpolated Kneser-Ney from its definition: every count is a walk over the text."""
    if order == 0:
        return 1 / vocabulary
    grams = list(zip(*(tokens[place:] for place in range(order)), strict=False))
    if order < len(discounts):  # how many different tokens stand before it; of the highest order how often it stands
        longer = set(zip(*(tokens[place:] for place in range(order + 1)), strict=False))
        grams = [gram[1:] for gram in longer]
    history = tuple(history)[len(history) - (order - 1) :]
    lower = by_definition(tokens, order - 1, vocabulary, discounts, history, token)
    following = [gram[-1] for gram in grams if gram[:-1] == history]
    if not following:
        return lower
    discount = discounts[order - 1]
    kept = max(following.count(token) - discount, 0) / len(following)
    return kept + discount * len(set(following)) / len(following) * lower


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_kneser_ney_is_its_definition(order):
    rng = np.random.default_rng(order)
    # Lower orders count the n-grams that follow something: which differs from all n-grams at the very beginning.
    train, test = rng.integers(0, 4, 60).tolist(), rng.integers(0, 5, 25).tolist()
    model = KneserNey(np.array(train), order=order, vocab_size=5)
    discounts = [table.discount for table in model.tables]
    got = model.probabilities(np.array(test))
    for place, token in enumerate(test):
        seen = min(order, place + 1)
        history = test[place - seen + 1 : place]
        if seen == order:
            assert got[place] == pytest.approx(by_definition(train, order, 5, discounts, history, token), rel=1e-9)


def test_kneser_ney_sums_to_one_after_any_history():
    rng = np.random.default_rng(0)
    model = KneserNey(rng.integers(0, 3, 200), order=4, vocab_size=4)
    for history in itertools.product(range(4), repeat=3):
        total = sum(model.probabilities(np.array([*history, token]))[-1] for token in range(4))
        assert total == pytest.approx(1, abs=1e-12)


def test_three_learning_rates():
    from upslope.models.build import build

    model = build("gpt-toy")
    optimizer = muon_and_adamw(model, lr=1.0, embedding_lr=2.0, head_lr=3.0)
    rates = {id(p): (group["lr"], group["muon"]) for group in optimizer.param_groups for p in group["params"]}
    for name, parameter in model.named_parameters():
        expected = (1.0, True) if name.startswith("blocks.") else (3.0 if name.startswith("head") else 2.0, False)
        assert rates[id(parameter)] == expected, name
    assert not any(g["muon"] for g in muon_and_adamw(model, lr=1, embedding_lr=1, head_lr=1, muon=False).param_groups)


def test_kneser_ney_refuses_what_does_not_fit_a_number():
    with pytest.raises(ValueError, match="order=12"):
        KneserNey(np.arange(10), order=12, vocab_size=65)


def test_samples_have_the_probabilities():
    scipy = pytest.importorskip("scipy.stats")
    probabilities = next_token_probabilities(torch.tensor([[0.0, 1.0, 2.0, -1.0]]), temperature=0.7, top_k=3)
    generator = torch.Generator().manual_seed(0)
    drawn = torch.cat([sample(probabilities.expand(500, -1), generator=generator) for _ in range(8)]).flatten()
    counts = torch.bincount(drawn, minlength=4).numpy()
    assert counts[3] == 0
    expected = probabilities[0, :3].numpy().astype(np.float64)
    assert scipy.chisquare(counts[:3], expected / expected.sum() * 4000).pvalue > 1e-3


def test_characters_there_and_back():
    tokenizer = Characters("\nabc ")
    assert tokenizer.decode(tokenizer.encode("a cab\n")) == "a cab\n"
    assert tokenizer.missing("abxyx") == ["x", "y"]
    with pytest.raises(ValueError, match="'x'"):
        tokenizer.encode("abx")
    with pytest.raises(ValueError, match="once"):
        Characters("aba")


@pytest.mark.parametrize("rows", [1, 5])
def test_grouped_queries_are_pytorchs(rows):
    from torch.nn import functional as F

    from upslope.blocks.language.grouped_queries import grouped_query_attention

    generator = torch.Generator().manual_seed(rows)
    q = torch.randn(2, 6, rows, 8, generator=generator)
    k, v = torch.randn(2, 2, 2, 5, 8, generator=generator)
    mask = torch.rand(2, 1, rows, 5, generator=generator) < 0.7
    mask[..., 0] = True
    for seen in (None, mask):
        expected = F.scaled_dot_product_attention(q, k, v, attn_mask=seen, enable_gqa=True)
        torch.testing.assert_close(grouped_query_attention(q, k, v, mask=seen), expected)
