"""Texts written together: probabilities are those of the whole text, whoever is asked, whatever was given up."""

import numpy as np
import pytest
import torch

from upslope.blocks.language.kneser_ney import KneserNey
from upslope.blocks.language.text_batch import CountedTexts, NetworkTexts, sample_until, sampled
from upslope.models.build import build

V = 20


@pytest.fixture
def text():
    return np.random.default_rng(0).integers(V, size=400)


def writers(name, text):
    """Begins texts, and says what any text is followed by."""
    if name == "kneser-ney":
        counts = KneserNey(text, order=4, vocab_size=V)

        def alone(tokens):
            every = [np.append(tokens, token) for token in range(V)]
            return np.array([counts.probabilities(one)[-1] for one in every])

        return lambda prompt, rows: CountedTexts(counts, prompt, rows=rows), alone
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = build(name, context=40).eval()
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, std=0.3)

    def whole(tokens):
        with torch.no_grad():
            return model(torch.from_numpy(tokens)[None])[0, -1].double().softmax(dim=0).numpy()

    return lambda prompt, rows: NetworkTexts(model, prompt, rows=rows), whole


@pytest.mark.parametrize("name", ["gpt-toy", "char-rnn-toy", "char-rnn-toy-gru", "kneser-ney"])
def test_a_row_is_a_text_of_its_own(name, text):
    """Rows are read into, dropped, copied; each is then followed by what the same text alone is followed by."""
    begin, alone = writers(name, text)
    rng = np.random.default_rng(1)
    prompt = text[:5]
    batch, rows = begin(prompt, rows=3), [prompt] * 3
    for chosen in ([0, 1, 2], [2, 0, 0, 1], [3, 3], [1, 0, 1]):
        tokens = rng.integers(V, size=len(rows))
        batch.read(tokens)
        rows = [np.append(row, token) for row, token in zip(rows, tokens, strict=True)]
        batch.select(np.array(chosen))
        rows = [rows[number] for number in chosen]
        found = batch.following()
        assert found.shape == (len(chosen), V)
        assert found.sum(axis=1) == pytest.approx(1)
        for row, probabilities in zip(rows, found, strict=True):
            assert probabilities == pytest.approx(alone(row), abs=1e-5)


def test_counts_of_a_history_that_is_shorter_than_the_order(text):
    begin, alone = writers("kneser-ney", text)
    for length in (1, 2, 3, 7):
        assert begin(text[:length], rows=2).following()[1] == pytest.approx(alone(text[:length]))


def test_tokens_are_drawn_with_their_probabilities():
    probabilities = np.tile([0.1, 0.2, 0.0, 0.7], (20_000, 1))
    rng = np.random.default_rng(0)
    for temperature in (1.0, 0.5):
        counts = np.bincount(sampled(probabilities, temperature=temperature, rng=rng), minlength=4) / 20_000
        expected = probabilities[0] ** (1 / temperature)
        assert counts == pytest.approx(expected / expected.sum(), abs=0.012)
        assert counts[2] == 0


def test_texts_end_at_the_end_or_at_their_longest(text):
    begin, _ = writers("kneser-ney", text)
    written = sample_until(begin(text[:5], rows=50), end=3, most=12, temperature=1.0, rng=np.random.default_rng(0))
    assert len(written) == 50
    assert not any(3 in line for line in written)
    assert max(map(len, written)) == 12
    assert len(set(map(len, written))) > 5
    first = np.random.default_rng(0)  # the first token of each, drawn by the same numbers
    tokens = sampled(begin(text[:5], rows=50).following(), temperature=1.0, rng=first)
    assert [line[:1] for line in written] == [[] if token == 3 else [token] for token in tokens]
