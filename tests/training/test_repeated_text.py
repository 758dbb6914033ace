"""Repeated text: what counts is the second half, and a head that looks where it must scores 1."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="models are made of PyTorch")

import torch
from torch import nn

from upslope.data import repetition
from upslope.models.language.attention_only import AttentionOnly
from upslope.training.tasks.repeated_text import RepeatedText, repeated


@pytest.fixture
def texts():
    return repetition.toy(rng=np.random.default_rng(0), count=20)


@pytest.fixture
def task():
    torch.manual_seed(0)
    return RepeatedText(AttentionOnly(vocab_size=64, context=64, dim=16, depth=2, heads=2))


class Oracle(nn.Module):
    """Says what followed each letter when it came before, by attention that is written down and not learned."""

    context = 64

    def __init__(self):
        super().__init__()
        self.none = nn.Parameter(torch.zeros(1))

    def forward(self, tokens):
        before = torch.nn.functional.pad(tokens, (1, 0), value=-1)[:, :-1]
        same = (tokens[:, :, None] == before[:, None, :]).tril()
        scores = torch.where(same, 50.0, 0.0).masked_fill(~torch.ones_like(same).tril(), float("-inf"))
        weights = scores[:, None].softmax(dim=-1)[:, 0]
        return weights @ torch.nn.functional.one_hot(tokens, 64).float() + self.none


def test_the_data_are_what_they_say():
    made = repetition.load("test")["text"]
    assert {len(text) // 2 for text in made} == set(range(8, 33))
    for text in made:
        half = text[: len(text) // 2]
        assert text == half + half
        assert len(set(half)) == len(half)
    assert repetition.load("train", seed=1)["text"] != repetition.load("train")["text"]
    assert repetition.load("test", seed=1)["text"] == made, "the test set is one"
    assert not set(made) & set(repetition.load("train")["text"])


def test_which_letters_can_be_foretold():
    assert repeated(torch.tensor([2, 1]), 5).tolist() == [[False, False, False, True, False], [False] * 5]


def test_a_network_that_looks_back_is_always_right_and_its_head_scores_1(texts):
    oracle = RepeatedText(Oracle())
    right = oracle.predict(texts)
    assert len(right) == sum(len(text) // 2 - 1 for text in texts["text"])
    assert right.all()
    metrics = oracle.metrics(right, texts)
    assert metrics["repeated_accuracy"] == 1
    assert metrics["induction_score"] == pytest.approx(1, abs=1e-4)
    assert metrics["previous_token_score"] < 0.5


def test_heads_that_look_evenly_score_what_chance_gives(task, texts):
    """With all queries 0, each of t + 1 letters gets the same share."""
    with torch.no_grad():
        for layer in task.model.layers:
            layer.attention.qkv.weight.zero_()
    halves = [len(text) // 2 for text in texts["text"]]
    for scores, places in zip(
        task.head_scores(texts), (lambda n: range(n, 2 * n - 1), lambda n: range(1, n)), strict=True
    ):
        shares = [1 / (place + 1) for half in halves for place in places(half)]
        torch.testing.assert_close(scores, torch.full((2, 2), float(np.mean(shares))))


def test_the_first_half_and_the_filling_teach_nothing(task, texts):
    task.eval()
    batch = task.collate(texts)
    loss = task(batch)["loss"]
    filled = torch.arange(batch["tokens"].shape[1]) >= 2 * batch["halves"][:, None]
    assert filled.any()
    assert torch.equal(task({**batch, "tokens": torch.where(filled, 5, batch["tokens"])})["loss"], loss)
    with torch.no_grad():
        logits = task.model(batch["tokens"][:, :-1])
    losses = [
        -logits[row, place - 1].log_softmax(0)[batch["tokens"][row, place]].item()
        for row, half in enumerate(batch["halves"].tolist())
        for place in range(half + 1, 2 * half)
    ]
    assert loss.item() == pytest.approx(np.mean(losses), abs=1e-5)


def test_however_batches_are_cut(task, texts):
    assert np.array_equal(task.predict(texts, batch_size=1), task.predict(texts))
