"""A bench for prompts: validation texts choose, test texts are seen by what was chosen, and nothing is asked twice."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="models are made of PyTorch")

import torch
from torch import nn

from upslope.data import sst2
from upslope.text.prompts import Wording
from upslope.training.prompt_bench import PromptBench, Trial, in_words, measured

WORDINGS = {"sst2": (Wording("deaf", "{text} ?", ("0", "1")), Wording("open", "{text} !", ("0", "1")))}


class Reader(nn.Module):
    """Reads bytes; after "!" it says 1 where the text praises by one word, after "?" always 0."""

    praise = b"brilliant"

    def __init__(self):
        super().__init__()
        self.asked = 0

    def states(self, tokens, cache=None):
        self.asked += len(tokens)
        before = cache.tokens if cache is not None and cache.tokens is not None else tokens[:1, :0]
        if cache is not None:
            cache.read(tokens)
        rows = [bytes([*before[0].tolist(), *row.tolist()]) for row in tokens]
        said = torch.zeros(*tokens.shape, 256)
        for number, row in enumerate(rows):
            for place in range(tokens.shape[1]):
                text = row[: before.shape[1] + place + 1].rpartition(b"\n\n")[2]
                good = text.endswith(b"!") and self.praise in text
                said[number, place, ord("1" if good else "0")] = 5.0
        return said

    def logits(self, states):
        return states


@pytest.fixture
def bench():
    rng = np.random.default_rng(0)
    sets = {"sst2": tuple(sst2.toy(rng=rng, count=count) for count in (40, 80, 60))}
    return PromptBench(Reader(), lambda text: list(text.encode()), sets, WORDINGS, shots=(0, 4), seed=0)


def through(bench):
    trials = bench.trials(orders=3)
    for trial in trials:
        bench.measure(trial)
    return trials


def test_validation_chooses_the_wording_that_the_model_understands(bench):
    trials = through(bench)
    assert bench.chosen("sst2", 0) == (1, False)
    on_test = [bench.settled(trial) for trial in trials[4:]]
    assert {(trial.split, trial.shots, trial.wording) for trial in on_test} == {
        ("test", 0, 0),
        ("test", 0, 1),
        ("test", 4, 1),
    }
    assert sorted(trial.order for trial in on_test if trial.shots) == [0, 1, 2]
    test = bench.sets["sst2"][2]
    expected = np.array(
        [("brilliant" in text) == label for text, label in zip(test["text"], test["label"], strict=True)]
    )
    assert np.array_equal(bench.tested("sst2", 0, calibrated=False)[0], expected)
    assert bench.tested("sst2", 4, calibrated=False).shape == (3, 60)
    assert bench.rows("sst2")["bare wording, no examples"].mean() == 0.5
    assert bench.words() == {"sst2": {"0": "open", "4": "open"}}


def test_the_best_so_far_never_falls(bench):
    reached = []
    for trial in bench.trials(orders=2):
        bench.measure(trial)
        reached.append(bench.best())
    assert reached == sorted(reached)
    assert reached[0] == 0.5 < reached[-1]


def test_a_run_that_goes_on_asks_nothing_again(bench):
    through(bench)
    asked, state = bench.model.asked, bench.state_dict()
    through(bench)
    assert bench.model.asked == asked
    again = PromptBench(bench.model, bench.encode, bench.sets, WORDINGS, shots=(0, 4), seed=0)
    again.load_state_dict(state)
    through(again)
    assert bench.model.asked == asked
    assert again.words() == bench.words()


def test_orders_differ_and_hold_the_same_examples(bench):
    seen = []
    bench.encode = lambda text: seen.append(text) or list(text.encode())
    for order in range(3):
        bench.measure(Trial("sst2", "test", 4, 1, order))
    prompts = [text.split("\n\n")[:-1] for text in seen if text.endswith("[MASK] !")]
    assert len(prompts) == 3
    assert len({tuple(prompt) for prompt in prompts}) > 1
    assert len({tuple(sorted(prompt)) for prompt in prompts}) == 1


def test_counts_learn_from_the_same_examples(bench):
    """Against scikit-learn, and without examples the largest class of the training texts."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    train, _, test = bench.sets["sst2"]
    places = bench.examples["sst2"][:4]
    theirs = make_pipeline(TfidfVectorizer(), LogisticRegression(C=2))  # of two classes it has one set of weights
    theirs.fit([train["text"][place] for place in places], train["label"][places])
    assert np.array_equal(bench.counted("sst2", 4), theirs.predict(list(test["text"])) == test["label"])
    assert bench.counted("sst2", 0).mean() == 0.5


def test_an_interval_holds_its_mean_and_shrinks_with_more_texts():
    right = np.random.default_rng(0).random(100) < 0.7
    mean, low, high = measured(right.astype(float))
    assert mean == right.mean()
    assert low < mean < high
    # The normal approximation: 1.96 standard errors on either side.
    assert high - low == pytest.approx(2 * 1.96 * right.std() / 10, rel=0.1)
    assert [in_words(shots) for shots in (0, 1, 4)] == ["no examples", "1 example", "4 examples"]
