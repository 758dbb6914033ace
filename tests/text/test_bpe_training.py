"""Merges are those of Hugging Face's trainer, in its order, and counts that are kept up to date are counts."""

import json
import random

import pytest

from upslope.text.bpe import merge
from upslope.text.bpe_training import PairCounts, count_pairs, most_frequent_pair, train
from upslope.text.byte_alphabet import written
from upslope.text.token import BadTokenizer, UnreadableText


def theirs(texts, *, size, special=(), least=2):
    tokenizers = pytest.importorskip("tokenizers")
    from tokenizers import models, pre_tokenizers, trainers

    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=least,
        special_tokens=list(special),
        initial_alphabet=alphabet,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return json.loads(tokenizer.to_str())["model"]


def same(texts, **settings):
    ours, model = train(texts, **settings), theirs(texts, **settings)
    assert [[written(left), written(right)] for left, right in ours.merges] == model["merges"]
    assert {written(piece): number for piece, number in ours.vocab.items()} | ours.special == model["vocab"]


def test_worked_numbers():
    words = [([1, 2, 3], 10), ([4, 2, 3], 5)]
    assert count_pairs(words) == {(1, 2): 10, (2, 3): 15, (4, 2): 5}
    assert count_pairs([([7, 7, 7], 1)]) == {(7, 7): 2}
    assert most_frequent_pair({(1, 2): 10, (4, 2): 15, (2, 3): 15}) == (2, 3)
    with pytest.raises(ValueError, match="no pairs"):
        most_frequent_pair({})


@pytest.mark.parametrize("least", [0, 2, 5])
def test_merges_of_prose(prose, least):
    same(prose, size=1200, special=["<|endoftext|>", "<pad>"], least=least)


def test_merges_of_fuzzed_texts(fuzzed, old):
    same(fuzzed(300, keep=old), size=900)


def test_merges_of_few_letters(seeds):
    """Many pairs are equally frequent, and equal neighbours overlap."""
    for seed in range(20 * len(seeds)):
        draw = random.Random(seed)
        letters = draw.choice(("a", "ab", "aab ", "abc ", "aaaab\n"))
        texts = ["".join(draw.choices(letters, k=draw.randint(1, 200))) for _ in range(3)]
        same(texts, size=256 + draw.randint(1, 150), least=draw.choice((1, 2, 3)))


def test_counts_stay_those_of_the_words(monkeypatch):
    """With few candidates, so that they are used up and looked for again and again."""
    monkeypatch.setattr("upslope.text.bpe_training._CANDIDATES", 2)
    draw = random.Random(0)
    words = [(draw.choices(range(4), k=draw.randint(1, 12)), draw.randint(1, 9)) for _ in range(60)]
    pairs, plain = PairCounts(words), [list(symbols) for symbols, _ in words]
    times = [count for _, count in words]
    for new in range(4, 40):
        pair = pairs.most_frequent()
        counts = count_pairs(zip(plain, times, strict=True))
        assert pairs.counts == counts
        if pair is None:
            assert not counts
            break
        assert pair == most_frequent_pair(counts)
        pairs.join(pair, new)
        plain = [merge(symbols, pair, new) for symbols in plain]
    assert pairs.words == plain


def test_too_little_text_gives_fewer_tokens():
    tokenizer = train(["aaaa"], size=400, least=1)
    assert len(tokenizer) == 258
    assert tokenizer.encode("aaaa").tolist() == [257]


def test_progress_is_told():
    told = []
    train(["abab abab"], size=258, least=1, progress=told.append)
    assert told == [257, 258]


def test_sizes_that_are_too_small():
    with pytest.raises(BadTokenizer, match="size=100: a byte-level vocabulary has 257 tokens before the first merge"):
        train(["a"], size=100, special=["<s>"])


def test_a_lone_surrogate_is_refused():
    with pytest.raises(UnreadableText, match="character 1 of the text is a lone surrogate"):
        train(["a\ud800"], size=300)
