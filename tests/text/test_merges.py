"""A tokenizer comes back whole from the list of its merges."""

import json

import numpy as np
import pytest

from upslope.data import udhr
from upslope.text.bpe_training import train
from upslope.text.merges import from_merges, merges_of
from upslope.text.token import BadTokenizer

TEXTS = udhr.toy(rng=np.random.default_rng(0), count=60)["text"]


def test_there_and_back():
    learned = train(TEXTS, size=400)
    again = from_merges(json.loads(json.dumps(merges_of(learned))))
    assert (again.vocab, again.merges) == (learned.vocab, learned.merges)
    for text in (*TEXTS, "Ω\n\nnever seen"):
        assert again.encode(text).tolist() == learned.encode(text).tolist()
        assert again.decode(again.encode(text)) == text


def test_more_than_merges_is_refused():
    with pytest.raises(BadTokenizer, match="more than its merges"):
        merges_of(train(TEXTS, size=300, special=("<end>",)))
