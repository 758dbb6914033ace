"""Char-RNN, BiLSTM and RNNsearch: what the contracts do not ask of them."""

import pytest

pytest.importorskip("torch", reason="models are made of PyTorch")

import torch

from upslope.blocks.language.cache import KeyValueCache
from upslope.blocks.language.generation import generate
from upslope.cards import discover
from upslope.models.build import build, construct_size
from upslope.models.language.bilstm import BiLSTM, turned
from upslope.models.language.char_rnn import CharRNN


def test_a_char_rnn_goes_on_from_its_state():
    model = build("char-rnn-128").eval()
    tokens = torch.randint(65, (2, 20), generator=torch.Generator().manual_seed(0))
    cache = KeyValueCache()
    pieces = [model(tokens[:, first : first + 5], cache) for first in range(0, 20, 5)]
    torch.testing.assert_close(torch.cat(pieces, dim=1), model(tokens), rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", ["lstm", "gru", "rnn"])
def test_a_text_is_the_same_with_and_without_the_cache(kind):
    """Also past the context, where both begin again from the last half of it."""
    torch.manual_seed(0)
    model = CharRNN(vocab_size=9, context=8, dim=12, depth=2, kind=kind).eval()
    prompt = torch.tensor([[1, 2, 3]])
    texts = [
        generate(model, prompt, 20, generator=torch.Generator().manual_seed(1), use_cache=use) for use in (True, False)
    ]
    assert torch.equal(*texts)


def test_turned_leaves_the_padding():
    x = torch.arange(10.0).reshape(2, 5, 1)
    assert turned(x, torch.tensor([3, 5]))[:, :, 0].tolist() == [[2, 1, 0, 3, 4], [9, 8, 7, 6, 5]]


@pytest.mark.parametrize(("direction", "sees"), [("forward", (0, 1, 2)), ("backward", (2, 3)), ("both", (0, 1, 2, 3))])
def test_a_tagger_sees_what_its_direction_says(direction, sees):
    """Which words of a sentence of 4 change what is said of the third; the fifth is padding."""
    torch.manual_seed(0)
    model = BiLSTM(vocab_size=9, endings=5, num_classes=3, embedding_dim=6, dim=8, direction=direction).eval()
    words, endings, lengths = torch.arange(5)[None], torch.zeros(1, 5, dtype=torch.int64), torch.tensor([4])
    before = model(words, endings, lengths)[0, 2]
    changed = []
    for place in range(5):
        other = words.clone()
        other[0, place] = 8
        if not torch.equal(model(other, endings, lengths)[0, 2], before):
            changed.append(place)
    assert tuple(changed) == sees


def test_an_alignment_is_weights_over_the_real_tokens():
    model = build_toy()
    source, target, lengths = torch.randint(15, (2, 4)), torch.randint(15, (2, 3)), torch.tensor([2, 4])
    weights = model.alignment(source, target, lengths)
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(2, 3))
    assert not weights[0, :, 2:].any()
    assert (weights[1] > 0).all()


def test_padding_of_the_source_changes_no_translation():
    model = build_toy()
    source, target = torch.randint(15, (1, 4)), torch.randint(15, (1, 3))
    longer = torch.cat([source, torch.full((1, 3), 7)], dim=1)
    torch.testing.assert_close(model(longer, target, torch.tensor([4])), model(source, target), rtol=0, atol=1e-6)


def build_toy():
    torch.manual_seed(0)
    return construct_size(discover("models")["seq2seq"], "toy").eval()
