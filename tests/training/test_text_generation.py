"""The task text-generation: every token of a text is predicted once, and what stands beside it is mixed fairly."""

import numpy as np
import pytest
import torch
from torch import nn

from upslope.blocks.language.characters import Characters
from upslope.data import tinyshakespeare
from upslope.models.build import build, built
from upslope.text.mixture import best_weight
from upslope.training.tasks.text_generation import TextGeneration, held_out, tokenizer_of


@pytest.fixture
def task():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = build("gpt-toy", vocab_size=65)
        for parameter in model.parameters():
            nn.init.normal_(parameter, std=0.3)
    return TextGeneration(model, tokenizer=Characters(tinyshakespeare.ALPHABET))


def toy(count=12, seed=0):
    return tinyshakespeare.toy(rng=np.random.default_rng(seed), count=count)


@pytest.mark.parametrize("lines", [1, 2, 5, 12])
def test_each_token_is_predicted_once_from_half_a_context_or_more(task, lines):
    """Token by token: the losses are those of the window that the docstring describes."""
    data = toy(lines)
    tokens = torch.from_numpy(task.tokens(data))
    got = task.predict(data, batch_size=3)
    assert got.shape == (len(tokens) - 1,)
    context = min(task.model.context, len(tokens) - 1)
    starts = [*range(0, len(tokens) - context, context // 2), len(tokens) - 1 - context]
    task.model.eval()
    for place in range(len(tokens) - 1):
        start = next(start for start in starts if start <= place < start + context)
        assert place - start >= context // 2 - 1 or start == 0 or start == starts[-1]
        with torch.no_grad():
            logits = task.model(tokens[None, start : place + 1])[0, -1]
        expected = nn.functional.cross_entropy(logits, tokens[place + 1])
        assert got[place] == pytest.approx(float(expected), abs=1e-4)


def test_the_loss_of_a_batch_is_the_mean_over_its_positions(task):
    tokens = torch.from_numpy(task.tokens(toy()))
    batch = {"tokens": tokens[None, :16], "next": tokens[None, 1:17]}
    assert float(task(batch)["loss"].detach()) == pytest.approx(task.predict(toy())[:16].mean(), abs=1e-5)


def test_bits_per_byte_are_nats_by_the_logarithm_of_two(task):
    data = toy()
    losses = np.full(len(task.tokens(data)) - 1, np.log(2))
    assert task.metrics(losses, data)["bits_per_byte"] == pytest.approx(1)


def test_the_weight_is_chosen_on_text_that_is_counted_only_afterwards(task):
    data, test = toy(200, seed=1), toy(40)
    train, held = held_out(data)
    assert (len(train), len(held)) == (194, 6)
    assert sorted([*train["text"], *held["text"]]) == sorted(data["text"])
    assert held["text"] == data["text"][90:96]
    task.count(train, order=4)
    ours, theirs = task.predict(held), task.counted(held)
    facts = task.mix(held, data, order=4)
    assert facts.pop("kneser_ney_seconds") > 0
    assert facts == {"weight": best_weight(ours, theirs)} == {"weight": task.weight}
    assert task.counted(held).mean() < theirs.mean()  # it is counted now
    task.weight = 0.25
    found = task.metrics(task.predict(test), test)
    mixed = 0.25 * np.exp(-task.predict(test)) + 0.75 * np.exp(-task.counted(test))
    assert found["mixed_loss"] == pytest.approx(-np.log(mixed).mean())
    assert found["mixed_bits_per_byte"] == pytest.approx(found["mixed_loss"] / np.log(2))


def test_pieces_of_words_compare_with_characters_by_the_byte():
    """A model that knows nothing costs ln V a token, whatever V is; a byte costs less where tokens are longer."""
    data = toy(80)
    found = {}
    for kind in ("characters", "bpe"):
        tokenizer = tokenizer_of(kind, data)
        model = build("gpt-toy", vocab_size=len(tokenizer))  # its head begins at zero
        task = TextGeneration(model, tokenizer=tokenizer)
        losses = task.predict(data)
        found[kind] = task.metrics(losses, data)
        assert found[kind]["loss"] == pytest.approx(np.log(len(tokenizer)), abs=1e-5)
        size = len(tokenizer.decode(task.tokens(data)[1:]).encode())
        assert found[kind]["bits_per_byte"] == pytest.approx(losses.sum() / np.log(2) / size)
        kept = task.spec(built("gpt-toy", seed=0, vocab_size=len(tokenizer))).preprocessing
        assert set(kept) == {"alphabet" if kind == "characters" else "merges", "context"}
    assert found["bpe"]["loss"] > found["characters"]["loss"]
    assert found["bpe"]["bits_per_byte"] < found["characters"]["bits_per_byte"]


@pytest.mark.deep
def test_the_lab_runs_with_pieces_of_words(tmp_path):
    from upslope.cards import discover
    from upslope.runs.launcher import start
    from upslope.ship.pipelines.pipeline import Options
    from upslope.ship.predictor import load

    result = start(discover("labs")["gpt"], ["tokens=bpe"], preset="smoke", root=tmp_path, quiet=True)
    assert result.metrics["test_mixed_loss"] < result.metrics["test_loss"]
    (answer,) = load(str(tmp_path / "gpt-0001")).answers(["ANNE:"], Options(length=5))
    assert len(answer.continuation) >= 5
