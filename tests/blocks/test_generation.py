"""Decoding beside transformers on the same random weights; caches, padding and batches change no logit."""

import itertools

import pytest

pytest.importorskip("torch", reason="blocks are made of PyTorch")

import torch
from scipy import stats

from upslope.blocks.language.beam import beam_search, beam_step
from upslope.blocks.language.cache import KeyValueCache, StaticCache
from upslope.blocks.language.generation import generate
from upslope.blocks.language.min_p import keep_min_p
from upslope.blocks.language.penalties import presence_frequency_penalty, repetition_penalty, token_counts
from upslope.blocks.language.sampling import next_token_probabilities, sample
from upslope.blocks.language.slots import SlotCache
from upslope.models.build import build
from upslope.models.checkpoints import translate
from upslope.models.language.llama import HUGGINGFACE, Llama

V = 30


def drawn(module, seed=0):
    """Weights far from those of a fresh model."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for value in module.parameters():
            noise = torch.randn(value.shape, generator=generator)
            value.copy_(1 + 0.3 * noise if value.ndim == 1 else 0.5 * noise)
    return module.eval()


@pytest.fixture(scope="module", params=["llama-toy", "gpt2-toy", "gpt-toy"])
def model(request):
    return drawn(build(request.param))


@pytest.fixture(scope="module")
def pair():
    """transformers' Llama and ours with the same weights."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        transformers = pytest.importorskip("transformers", reason="it is the independent implementation")
        config = transformers.LlamaConfig(
            vocab_size=V,
            max_position_embeddings=64,
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            intermediate_size=48,
            rms_norm_eps=1e-5,
            attn_implementation="eager",
            bos_token_id=None,
            eos_token_id=None,
            pad_token_id=0,
        )
        theirs = drawn(transformers.LlamaForCausalLM(config), seed=4)
        ours = Llama(vocab_size=V, context=64, dim=32, depth=2, heads=4, kv_heads=2, hidden=48).eval()
        ours.load_state_dict(translate(theirs.state_dict(), HUGGINGFACE, ours.state_dict(), name="theirs"))
        yield ours, theirs


def tokens(batch, length, *, high=20, seed=0):
    return torch.randint(high, (batch, length), generator=torch.Generator().manual_seed(seed))


def greedy(model, prompt, length=20, **how):
    return generate(model, prompt, length, generator=torch.Generator(), temperature=0, **how)


def theirs_greedy(theirs, prompt, length=20, mask=None, **how):
    mask = torch.ones_like(prompt) if mask is None else mask.long()
    out = theirs.generate(prompt, attention_mask=mask, max_new_tokens=length, do_sample=False, **how)
    return out[:, prompt.shape[1] :]


@torch.no_grad()
@pytest.mark.parametrize("kind", [KeyValueCache, lambda: StaticCache(most=16, first=4)])
def test_cached_logits_are_those_without_a_cache_at_every_position(model, kind):
    text, cache = tokens(2, 8), kind()
    got = torch.cat([model(piece, cache) for piece in text.split((3, 1, 1, 2, 1), dim=1)], dim=1)
    torch.testing.assert_close(got, model(text), atol=1e-5, rtol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("model", ["llama-toy", "gpt2-toy"], indirect=True)
def test_and_with_padding_on_the_left(model):
    text, pads = tokens(3, 8), torch.tensor([0, 2, 5])
    mask = torch.arange(8) >= pads[:, None]
    cache, got = KeyValueCache(), []
    for start, end in itertools.pairwise((0, 6, 7, 8)):
        got.append(model(text[:, start:end], cache, mask=mask[:, :end]))
    together = torch.cat(got, dim=1)
    for row, pad in enumerate(pads.tolist()):
        alone = model(text[row : row + 1, pad:])[0]
        torch.testing.assert_close(together[row, pad:], alone, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_texts_in_slots_are_read_as_each_alone(model):
    """They come and go, each at its own positions; also where a row has held another text."""
    texts = {name: tokens(1, 8, seed=seed) for seed, name in enumerate("abcd")}
    slots, rows, read = SlotCache(slots=3, first=2), [], {}

    def join(name, length):
        cache = KeyValueCache()
        model(texts[name][:, :length], cache)
        assert slots.add(cache) == len(rows)
        rows.append(name)
        read[name] = length

    def step():
        new = torch.cat([texts[name][:, read[name]] for name in rows])[:, None]
        found = model(new, slots)
        for row, name in enumerate(rows):
            read[name] += 1
            torch.testing.assert_close(found[row, -1], model(texts[name][:, : read[name]])[0, -1], atol=1e-5, rtol=1e-5)

    def leave(name):
        row = rows.index(name)
        last = slots.remove(row)
        rows[row] = rows[last]
        rows.pop()

    join("a", 1)
    step()
    join("b", 5)
    join("c", 2)
    step()
    leave("a")
    step()
    join("d", 3)
    step()
    leave("c")
    leave("b")
    step()
    assert read == {"a": 3, "b": 8, "c": 5, "d": 5}


@torch.no_grad()
def test_a_step_in_slots_that_is_taken_back_leaves_no_trace(model):
    text, cache = tokens(1, 6), KeyValueCache()
    model(text[:, :4], cache)
    slots = SlotCache(slots=1)
    slots.add(cache)
    model(text[:, 5:], slots)
    slots.take_back()
    torch.testing.assert_close(model(text[:, 4:5], slots)[0, -1], model(text[:, :5])[0, -1], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("repetition", [1.0, 1.3, 0.8])
def test_greedy_is_that_of_transformers(pair, repetition):
    ours, theirs = pair
    prompt = tokens(3, 5, high=V)
    expected = theirs_greedy(theirs, prompt, repetition_penalty=repetition)
    assert torch.equal(greedy(ours, prompt, repetition=repetition), expected)
    assert torch.equal(greedy(ours, prompt, repetition=repetition, use_cache=False), expected)
    assert len(expected.unique()) > 5


def test_padded_on_the_left_a_batch_writes_what_its_members_write_alone(pair):
    ours, theirs = pair
    prompt, pads = tokens(3, 6, high=V), torch.tensor([0, 3, 1])
    mask = torch.arange(6) >= pads[:, None]
    together = greedy(ours, prompt, mask=mask, repetition=1.2)
    for row, pad in enumerate(pads.tolist()):
        assert torch.equal(together[row : row + 1], greedy(ours, prompt[row : row + 1, pad:], repetition=1.2))
    assert torch.equal(greedy(ours, prompt, mask=mask), theirs_greedy(theirs, prompt, mask=mask))


def test_a_text_that_has_ended_does_not_go_on(pair):
    ours, theirs = pair
    prompt = tokens(4, 5, high=V)
    free = greedy(ours, prompt)
    end = int(free[0, 6])
    got = greedy(ours, prompt, ends=[end])
    expected = theirs_greedy(theirs, prompt, eos_token_id=end, pad_token_id=end)
    assert torch.equal(got, expected)
    assert got.shape[1] <= 20


@pytest.mark.parametrize(
    "beams", [1, 3, pytest.param(2, marks=pytest.mark.deep), pytest.param(6, marks=pytest.mark.deep)]
)
@pytest.mark.parametrize("length_penalty", [1.0, *(pytest.param(p, marks=pytest.mark.deep) for p in (0.0, 2.0, -1.0))])
@pytest.mark.parametrize("ended", [False, True])
def test_beam_search_is_that_of_transformers(pair, beams, length_penalty, ended):
    ours, theirs = pair
    prompt = tokens(1, 5, high=V, seed=beams)
    ends = tuple(range(6)) if ended else ()
    how = {"eos_token_id": list(ends)} if ended else {}
    repetition = 1.2 if beams > 1 else 1.0  # of a single one they penalise logits, not logarithms of probabilities
    expected = theirs_greedy(
        theirs, prompt, 12, num_beams=beams, length_penalty=length_penalty, repetition_penalty=repetition, **how
    )[0].tolist()
    found = beam_search(ours, prompt, 12, beams=beams, ends=ends, length_penalty=length_penalty, repetition=repetition)
    best = list(found[0].tokens)
    assert best == expected[: len(best)]
    assert set(expected[len(best) :]) <= {0}, "the rest is padding"
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)


def test_one_beam_is_greedy(model):
    prompt = tokens(1, 2)
    (found,) = beam_search(model, prompt, 6, beams=1)
    assert list(found.tokens) == greedy(model, prompt, 6)[0].tolist()


@torch.no_grad()
def test_a_beam_as_wide_as_all_texts_is_exhaustive_search(pair):
    ours, length, vocabulary = pair[0], 3, 6
    narrow = lambda text, cache=None: ours(text, cache)[..., :vocabulary]  # noqa: E731
    prompt = tokens(1, 4, high=vocabulary)
    found = beam_search(narrow, prompt, length, beams=vocabulary**length, length_penalty=0)
    every = torch.tensor(list(itertools.product(range(vocabulary), repeat=length)))
    logs = narrow(torch.cat([prompt.expand(len(every), -1), every], dim=1))[:, 3:-1].log_softmax(-1)
    scores = logs.gather(2, every[:, :, None]).sum(dim=(1, 2))
    order = scores.argsort(descending=True)
    assert [each.tokens for each in found] == [tuple(row) for row in every[order].tolist()]
    torch.testing.assert_close(torch.tensor([each.score for each in found]), scores[order], atol=1e-4, rtol=1e-4)


def test_beam_step_by_hand():
    best, texts, which = beam_step(torch.tensor([-1.0, -2.0]), torch.tensor([[-3.0, -1.0], [-0.5, -4.0]]), 2)
    assert (best.tolist(), texts.tolist(), which.tolist()) == ([-2.0, -2.5], [0, 1], [1, 0])


@pytest.mark.parametrize(("top_k", "top_p", "min_p"), [(0, 1.0, 0.2), (7, 0.9, 0.1), (0, 0.5, 0.0), (3, 1.0, 1.0)])
def test_warped_probabilities_are_those_of_transformers(monkeypatch, top_k, top_p, min_p):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    process = pytest.importorskip("transformers.generation.logits_process", reason="it is independent")
    logits = 3 * torch.randn(5, 40, generator=torch.Generator().manual_seed(1))
    steps = [process.TemperatureLogitsWarper(0.7)]
    steps += [process.TopKLogitsWarper(top_k)] if top_k else []
    steps += [process.TopPLogitsWarper(top_p)] if top_p < 1 else []
    steps += [process.MinPLogitsWarper(min_p)] if min_p else []
    expected = logits
    for step in steps:
        expected = step(None, expected)
    got = keep_min_p(next_token_probabilities(logits, temperature=0.7, top_k=top_k, top_p=top_p), min_p)
    torch.testing.assert_close(got, expected.softmax(-1), atol=1e-6, rtol=1e-5)


def test_penalties_by_their_formulas():
    logits, text = torch.tensor([[4.0, -1.0, 3.0, 0.5]]), torch.tensor([[1, 0, 1, -1]])
    counts = token_counts(text, 4)
    assert counts.tolist() == [[1, 2, 0, 0]]
    assert repetition_penalty(logits, counts > 0, 2.0).tolist() == [[2.0, -2.0, 3.0, 0.5]]
    got = presence_frequency_penalty(logits, counts, presence=0.5, frequency=0.25)
    assert got.tolist() == [[3.25, -2.0, 3.0, 0.5]]


@pytest.mark.parametrize("how", [{}, {"top_k": 4}, {"top_p": 0.7}, {"temperature": 0.5}, {"min_p": 0.3}])
def test_drawn_frequencies_are_the_probabilities(how):
    """Chi-square, with a seed: each way of drawing, against probabilities from their definition."""
    logits = torch.randn(8, generator=torch.Generator().manual_seed(2))
    min_p, how = how.get("min_p", 0.0), {k: v for k, v in how.items() if k != "min_p"}
    weights = (logits.double() / how.get("temperature", 1.0)).exp()
    weights /= weights.sum()
    order = weights.argsort(descending=True).tolist()
    kept, before = set(), 0.0
    for rank, token in enumerate(order):
        if rank < how.get("top_k", 8) and before < how.get("top_p", 1.0) and weights[token] >= min_p * weights.max():
            kept.add(token)
        before += float(weights[token])
    expected = torch.tensor([float(weights[token]) if token in kept else 0.0 for token in range(8)])
    expected /= expected.sum()
    probabilities = keep_min_p(next_token_probabilities(logits, **how), min_p)
    count = 20_000
    found = sample(probabilities.expand(count, -1), generator=torch.Generator().manual_seed(0)).flatten()
    counts = found.bincount(minlength=8)
    assert not counts[expected == 0].any()
    some = expected > 0
    wanted = (expected[some].double() * count).numpy()
    assert stats.chisquare(counts[some].numpy(), wanted, sum_check=False).pvalue > 1e-3
