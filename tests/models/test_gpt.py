"""GPT beyond its contract: the cache changes nothing but the time, and the text is the seed's."""

import pytest
import torch

from upslope.blocks.language.cache import KeyValueCache
from upslope.blocks.language.generation import generate
from upslope.models.build import build


@pytest.fixture
def model():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = build("gpt-toy").eval()
        for parameter in model.parameters():  # a fresh one says nothing: its head is 0
            torch.nn.init.normal_(parameter, std=0.3)
    return model


def tokens(batch, length, seed=0):
    return torch.randint(20, (batch, length), generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("pieces", [(16,), (1,) * 16, (5, 1, 7, 3), (1, 15)])
def test_logits_with_a_cache_are_those_without(model, pieces):
    text, cache = tokens(3, 16), KeyValueCache()
    with torch.no_grad():
        expected = model(text)
        got = torch.cat([model(piece, cache) for piece in text.split(pieces, dim=1)], dim=1)
    torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-5)
    assert cache.length == 16


@pytest.mark.parametrize("prompt", [1, 7, 15, 16, 40])
def test_the_text_is_the_same_with_and_without_a_cache_beyond_the_context(model, prompt):
    texts = [
        generate(
            model, tokens(2, prompt), 50, generator=torch.Generator().manual_seed(3), top_k=12, use_cache=use_cache
        )
        for use_cache in (True, False)
    ]
    assert texts[0].shape == (2, 50)
    assert torch.equal(*texts)
    assert len(texts[0].unique()) > 5


def test_another_seed_writes_another_text_and_temperature_0_always_the_same(model):
    def written(seed, temperature):
        generator = torch.Generator().manual_seed(seed)
        return generate(model, tokens(1, 3), 30, generator=generator, temperature=temperature)

    assert torch.equal(written(1, 1.0), written(1, 1.0))
    assert not torch.equal(written(1, 1.0), written(2, 1.0))
    assert torch.equal(written(1, 0.0), written(2, 0.0))


def test_a_cached_step_is_of_one_token(model):
    """What makes the cache worth having, without a clock: after the prompt each call is given a single token."""
    lengths = []
    model.register_forward_pre_hook(lambda module, given: lengths.append(given[0].shape[1]))
    generate(model, tokens(1, 4), 10, generator=torch.Generator().manual_seed(0))
    assert lengths == [4] + [1] * 9


def test_more_than_the_context_is_refused(model):
    with pytest.raises(ValueError, match="17 tokens for a model of context=16"):
        model(tokens(1, 17))
    cache = KeyValueCache()
    model(tokens(1, 10), cache)
    with pytest.raises(ValueError, match="context=16"):
        model(tokens(1, 7), cache)


def test_arguments_that_contradict_each_other_are_refused():
    with pytest.raises(ValueError, match="heads=5 does not divide dim=32"):
        build("gpt-toy", heads=5)
    with pytest.raises(ValueError, match="ngrams"):
        build("gpt-toy", ngrams=(1,))


def test_n_grams_tell_texts_apart_that_end_alike(model):
    """With every block silent the logits see the last tokens only: as many as the longest n-gram has."""
    for block in model.blocks:
        torch.nn.init.zeros_(block.projection.weight)
        torch.nn.init.zeros_(block.down.weight)
    text = tokens(1, 16)
    with torch.no_grad():
        before = model(text)[0, -1]
        for back in range(2, 5):
            changed = text.clone()
            changed[0, -back] = (changed[0, -back] + 1) % 20
            assert torch.equal(model(changed)[0, -1], before) == (back > 3)


def test_pairs_have_rows_of_their_own_while_the_vocabulary_is_small():
    for vocab_size, rows in ((20, 400), (128, 128**2), (129, 64), (512, 64)):
        model = build("gpt-toy", vocab_size=vocab_size)
        assert model.ngrams[0].table.weight.shape[0] == rows
        text = tokens(1, 16)
        with torch.no_grad():
            model.ngrams[0].table.weight[:] = torch.arange(rows)[:, None]
        found = model.ngrams[0](text)[0, 1:, 0].long()
        assert found.max() < rows
        if rows == vocab_size**2:
            assert found.tolist() == (text[0, 1:] * vocab_size + text[0, :-1]).tolist()
