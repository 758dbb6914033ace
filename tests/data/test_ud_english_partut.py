"""ParTUT: what the file says of its words, and a toy that needs both sides of a word."""

from collections import defaultdict

import numpy as np
import pytest

from upslope.data import ud_english_partut as partut


@pytest.mark.needs("data")
def test_real_files():
    """Counts of sentences and words that the treebank's own statistics state, and the first sentence."""
    parts = {split: partut.load(split, quiet=True) for split in ("train", "validation", "test")}
    assert {split: len(part) for split, part in parts.items()} == partut.CARD.splits
    assert [len(part["tags"].values) for part in parts.values()] == [43_504, 2722, 3408]
    for part in parts.values():
        assert [len(text.split(" ")) for text in part["text"]] == part["tags"].lengths.tolist()
    assert set(np.unique(parts["train"]["tags"].values)) == set(range(17))


def test_contractions_are_two_words(tmp_path, monkeypatch):
    fields = [("1", "I", "PRON"), ("2-3", "don't", "_"), ("2", "do", "AUX"), ("3", "n't", "PART"), ("4", "go", "VERB")]
    lines = ["\t".join([n, form, "_", tag, *"______"]) for n, form, tag in fields]
    (tmp_path / "en_partut-ud-test.conllu").write_text("# text = I don't go\n" + "\n".join(lines) + "\n\n")
    monkeypatch.setattr(partut, "get", lambda card, quiet: tmp_path)
    found = partut.load("test")
    assert found["text"] == ("I do n't go",)
    assert [partut.TAGS[k] for k in found["tags"][0]] == ["PRON", "AUX", "PART", "VERB"]


def test_the_toy_needs_both_sides():
    """Given the word and its left neighbour some tags stay open; with the right one as well none does."""
    made = partut.toy(rng=np.random.default_rng(0), count=400)
    alone, left, both = (defaultdict(set) for _ in range(3))
    for text, tags in zip(made["text"], made["tags"], strict=True):
        words = ["<", *text.split(" "), ">"]
        for place, tag in enumerate(tags, 1):
            alone[words[place]].add(int(tag))
            left[tuple(words[place - 1 : place + 1])].add(int(tag))
            both[tuple(words[place - 1 : place + 2])].add(int(tag))
    assert max(map(len, alone.values())) > 1
    assert max(map(len, left.values())) > 1
    assert max(map(len, both.values())) == 1
