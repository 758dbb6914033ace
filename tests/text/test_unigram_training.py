"""Learning pieces: expected counts beside all cuts, and the text beside sentencepiece's model of the same size."""

import io
import itertools
import math

import numpy as np
import pytest

from upslope.text.sentencepiece_file import parse_sentencepiece
from upslope.text.token import BadTokenizer, UnreadableText
from upslope.text.unigram import Unigram
from upslope.text.unigram_training import digamma, expected_counts, prune, split_words, train


def test_worked_numbers():
    scores = {"a": math.log(1 / 2), "b": math.log(1 / 4), "ab": math.log(1 / 4)}
    counts, log_probability = expected_counts("ab", scores, longest=2)
    assert counts == pytest.approx({"a": 1 / 3, "b": 1 / 3, "ab": 2 / 3})
    assert log_probability == pytest.approx(math.log(3 / 8))


def test_expected_counts_are_those_of_all_cuts():
    rng = np.random.default_rng(0)
    for _ in range(30):
        scores = {"".join(rng.choice(list("ab"), size=rng.integers(1, 4))): -float(rng.uniform(1, 5)) for _ in range(6)}
        scores |= {"a": -2.0, "b": -2.5}
        word = "".join(rng.choice(list("ab"), size=6))
        expected: dict[str, float] = {}
        total = 0.0
        for count in range(len(word)):
            for places in itertools.combinations(range(1, len(word)), count):
                cut = [word[a:b] for a, b in itertools.pairwise((0, *places, len(word)))]
                if all(piece in scores for piece in cut):
                    weight = math.exp(sum(scores[piece] for piece in cut))
                    total += weight
                    for piece in cut:
                        expected[piece] = expected.get(piece, 0) + weight
        counts, log_probability = expected_counts(word, scores, longest=3)
        assert log_probability == pytest.approx(math.log(total))
        assert counts == pytest.approx({piece: weight / total for piece, weight in expected.items()})


def test_digamma_is_scipys():
    from scipy.special import digamma as theirs

    x = np.geomspace(0.01, 1e6, 50)
    np.testing.assert_allclose([digamma(float(each)) for each in x], theirs(x), rtol=1e-9)


def test_pruning_keeps_what_is_missed():
    """Without "th" the words of "the" become less likely; nobody uses "xy"."""
    words = [("the", 10), ("xz", 1), ("y", 1)]
    scores = dict.fromkeys("thexyz", -4.0) | {"th": -2.0, "xy": -3.0}
    assert set(prune(words, scores, count=7)) == {*"thexyz", "th"}


def test_as_good_as_sentencepiece(prose):
    """Held-out text is no less likely, up to 1 %, than with its model of the same size.

    That is what training is for; the number of tokens follows, and on so little text it varies by some per cent.
    """
    sentencepiece = pytest.importorskip("sentencepiece")
    text = [line for line in prose[:1200] if line.isascii()]
    learned, held_out = text[: 4 * len(text) // 5], text[4 * len(text) // 5 :]
    size, file = 400, io.BytesIO()
    settings = {"model_type": "unigram", "vocab_size": size, "num_threads": 1, "minloglevel": 2}
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(learned), model_writer=file, character_coverage=1.0, **settings
    )
    models = {"ours": train(learned, size=size), "theirs": Unigram(parse_sentencepiece(file.getvalue(), "x"))}
    assert [len(model) for model in models.values()] == [size, size]
    tokens, nats = {}, {}
    for name, model in models.items():
        scores = {piece: float(score) for piece, score in model._scores.items()}
        words = [(w, times) for w, times in split_words(held_out, {}) if all(c in scores for c in w)]
        tokens[name] = sum(len(model.encode(line)) for line in held_out)
        nats[name] = -sum(times * expected_counts(word, scores, longest=16)[1] for word, times in words)
    assert nats["ours"] <= 1.01 * nats["theirs"]
    assert tokens["ours"] <= 1.05 * tokens["theirs"]


def test_a_model_that_was_trained_here():
    model = train(["The cat sat on the mat.\nThe cat\tsat."] * 3, size=40)
    assert [model.model.pieces[number].text for number in range(3)] == ["<pad>", "</s>", "<unk>"]
    assert model.decode(model.encode("The cat sat")) == "The cat sat"
    assert model.encode("The\ncat").tolist() == model.encode("The cat").tolist()
    assert len(model.encode("The cat")) < 7


def test_what_cannot_be_learned():
    with pytest.raises(BadTokenizer, match="size=5: the texts have 7 characters, each of them a piece"):
        train(["abcdef"], size=5)
    with pytest.raises(BadTokenizer, match="size=5: the texts have 0 characters"):
        train([""], size=5)
    with pytest.raises(BadTokenizer, match="has a piece <unk> for what is unknown"):
        train(["a"], size=50, special=["<s>"])
    with pytest.raises(UnreadableText, match="character 1 of the text is a lone surrogate"):
        train(["a\ud800"], size=50)
