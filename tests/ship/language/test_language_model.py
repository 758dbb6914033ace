"""A stream of text: the tokens are those of whole forward passes, whatever the cache held and whoever else asks."""

import pytest

pytest.importorskip("torch", reason="language models are made of PyTorch")

from dataclasses import replace

import torch

from upslope.runs.errors import RunProblem
from upslope.ship.language.language_model import LanguageModel
from upslope.ship.language.loading import CharacterTokenizer
from upslope.ship.language.settings import GenerationSettings

GREEDY = GenerationSettings(temperature=0, max_tokens=20)
SAMPLED = GenerationSettings(temperature=1.0, top_p=0.95, max_tokens=20, seed=3)


def tokens_of(model, prompt, settings=GREEDY, **given):
    return [piece.token for piece in model.stream(prompt, settings, **given)]


@pytest.fixture
def prompt(model):
    return model.tokens_of([{"role": "user", "content": "the weather"}])


@torch.no_grad()
def test_greedy_is_the_likeliest_token_of_whole_passes(model, prompt):
    text = list(prompt)
    for token in tokens_of(model, prompt):
        assert token == int(model.module(torch.tensor([text]))[0, -1].argmax())
        text.append(token)
    assert len(text) == len(prompt) + 20


def test_half_of_a_character_is_read_as_a_replacement(model):
    said = [{"role": "user", "content": "the \ud800"}]
    assert model.tokens_of(said) == model.tokens_of([{"role": "user", "content": "the \ufffd"}])
    assert model.tokens_of_text("a\ud83d\ude42") == model.tokens_of_text("a\U0001f642")


def test_the_text_is_the_seeds(model, prompt):
    first = tokens_of(model, prompt, SAMPLED)
    assert tokens_of(model, prompt, SAMPLED) == first
    assert tokens_of(model, prompt, replace(SAMPLED, seed=4)) != first


def test_two_streams_at_once_do_not_disturb_each_other(model, prompt):
    others = [model.stream(p, SAMPLED) for p in (prompt, prompt[:-3])]
    together = list(zip(*others, strict=True))
    for place, p in enumerate((prompt, prompt[:-3])):
        assert [pieces[place].token for pieces in together] == tokens_of(model, p, SAMPLED)


def test_a_cache_of_another_text_spares_what_is_common_and_changes_nothing(model, prompt):
    cache, lengths = model.cache(), []
    hook = model.module.embedding.register_forward_pre_hook(lambda module, given: lengths.append(given[0].shape[1]))
    first = tokens_of(model, prompt, cache=cache)
    longer = [*prompt, *first, 7, 8, 9]
    again = tokens_of(model, longer, cache=cache)
    hook.remove()
    assert again == tokens_of(model, longer)
    assert lengths[0] == len(prompt)
    assert lengths[20] == 4  # the last token of the first answer was never read, and three are new
    assert tokens_of(model, [*prompt[:5], 9, 9], cache=cache) == tokens_of(model, [*prompt[:5], 9, 9])
    assert tokens_of(model, prompt, cache=cache) == first


def test_an_interrupted_step_leaves_the_cache_whole(model, prompt):
    cache = model.cache()
    stream = model.stream(prompt, GREEDY, cache=cache)
    for _ in range(5):
        next(stream)

    def interrupted(module, given):
        raise KeyboardInterrupt

    hook = model.module.blocks[1].register_forward_pre_hook(interrupted)
    with pytest.raises(KeyboardInterrupt):
        next(stream)
    hook.remove()
    assert tokens_of(model, prompt, cache=cache) == tokens_of(model, prompt)


def test_an_answer_ends_at_a_token_that_ends_it(model, prompt):
    first = tokens_of(model, prompt)
    ending = replace(model, ends=frozenset({first[4]}))
    pieces = list(ending.stream(prompt, GREEDY))
    place = first.index(first[4])
    assert [piece.token for piece in pieces] == first[: place + 1]
    assert [piece.finish for piece in pieces] == [""] * place + ["stop"]


def test_an_answer_ends_before_a_stop_word(model, prompt):
    whole = model.answer(prompt, GREEDY)
    assert len(whole) > 8
    word = whole[5:7]
    pieces = list(model.stream(prompt, replace(GREEDY, stop=(word,))))
    assert "".join(piece.text for piece in pieces) == whole[: whole.index(word)]
    assert pieces[-1].finish == "stop"


def test_an_answer_ends_when_the_context_is_full(model):
    prompt = [5 + n % 50 for n in range(model.context - 3)]
    pieces = list(model.stream(prompt, GREEDY))
    assert (len(pieces), pieces[-1].finish) == (4, "length")
    with pytest.raises(RunProblem, match=r"the text has 129 tokens, and small\.gguf reads 128 at most"):
        model.stream([5] * (model.context + 1), GREEDY)


@torch.no_grad()
def test_a_model_without_turns_goes_on_from_the_last_half_of_a_full_context(model):
    """As `generate` does it: what is read is never longer than the context."""
    alphabet = "".join(map(chr, range(0x100, 0x100 + model.module.vocab_size)))
    plain = LanguageModel("plain", "", model.module, CharacterTokenizer(alphabet), context=16)
    prompt = list(range(10))
    pieces = list(plain.stream(prompt, replace(GREEDY, max_tokens=30)))
    assert len(pieces) == 30
    text, window = list(prompt), list(prompt)
    for piece in pieces:
        if len(window) > 16:
            window = window[-8:]
        assert piece.token == int(model.module(torch.tensor([window]))[0, -1].argmax())
        text.append(piece.token)
        window.append(piece.token)
    assert "".join(piece.text for piece in pieces) == plain.tokenizer.decode(text[10:])


def test_outputs_that_are_no_numbers_are_said(model, prompt):
    hook = model.module.norm.register_forward_hook(lambda module, given, out: out * float("nan"))
    with pytest.raises(RunProblem, match=r"small\.gguf gives outputs that are not numbers"):
        list(model.stream(prompt, GREEDY))
    hook.remove()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"max_tokens": 0}, "max_tokens is at least 1, not 0"),
        ({"temperature": -0.5}, "temperature is a number from 0 on, not -0.5"),
        ({"temperature": float("nan")}, "temperature is a number from 0 on, not nan"),
        ({"top_p": 0.0}, "top_p is above 0 and at most 1, not 0"),
        ({"top_k": -1}, "top_k is at least 0, not -1"),
        ({"stop": ("",)}, "at least one character"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, said):
    with pytest.raises(ValueError, match=said):
        GenerationSettings(**settings)
