"""The likelihood of labels equals that of plain forward passes, one prompt at a time; calibration is the paper's."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="blocks are made of PyTorch")

import torch
from scipy.special import log_softmax, softmax

from upslope.blocks.language.cache import KeyValueCache, SharedPrefix
from upslope.blocks.language.label_likelihood import contextual_calibration, in_common, label_log_likelihoods
from upslope.models.language.llama import Llama

LABELS = [[5], [6, 7], [6, 8, 9], [10]]


@pytest.fixture
def model():
    torch.manual_seed(0)
    return Llama(vocab_size=20, context=64, dim=32, depth=2, heads=4, kv_heads=2, hidden=48).double().eval()


def plain(model, prompt, label):
    """log p(label | prompt) by one forward pass over both."""
    logits = model(torch.tensor([[*prompt, *label]]))[0].detach().numpy()
    rows = log_softmax(logits, axis=-1)[len(prompt) - 1 : -1]
    return rows[np.arange(len(label)), label]


@pytest.mark.parametrize("beginning", [[], [1, 2, 3, 4]])
@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_it_equals_plain_forward_passes(model, beginning, batch_size):
    rng = np.random.default_rng(0)
    ends = [rng.integers(20, size=length).tolist() for length in (1, 7, 3, 4)]
    prompts = [[*beginning, *end] for end in ends]
    steps = [[plain(model, prompt, label) for label in LABELS] for prompt in prompts]
    found = label_log_likelihoods(model, prompts, LABELS, batch_size=batch_size)
    np.testing.assert_allclose(found, [[each.sum() for each in row] for row in steps], atol=1e-5)
    found = label_log_likelihoods(model, prompts, LABELS, mean=True, batch_size=batch_size)
    np.testing.assert_allclose(found, [[each.mean() for each in row] for row in steps], atol=1e-5)


def test_equal_prompts_and_one_prompt(model):
    """All but the last token are in common; the last one is read for its logits."""
    twice = label_log_likelihoods(model, [[1, 2, 3], [1, 2, 3]], LABELS)
    torch.testing.assert_close(twice[0], twice[1])
    torch.testing.assert_close(label_log_likelihoods(model, [[1, 2, 3]], LABELS)[0], twice[0])


def test_what_is_in_common_leaves_something_over():
    assert in_common([[1, 2, 3], [1, 2, 4, 5]]) == 2
    assert in_common([[1, 2], [1, 2, 4]]) == 1
    assert in_common([[1]]) == 0
    assert in_common([[1, 2], [2, 2]]) == 0


def test_nothing_to_score_is_refused(model):
    with pytest.raises(ValueError, match="a prompt or a label has no tokens"):
        label_log_likelihoods(model, [[1], []], LABELS)
    with pytest.raises(ValueError, match="a prompt or a label has no tokens"):
        label_log_likelihoods(model, [[1]], [[1], []])


def test_a_shared_beginning_gives_what_a_whole_text_gives_and_stays_as_it_was(model):
    beginning = KeyValueCache()
    text = torch.tensor([[1, 2, 3, 4, 5, 6], [1, 2, 3, 7, 8, 9]])
    with torch.no_grad():
        model(text[:1, :3], beginning)
        held = {block: keys.clone() for block, keys in beginning.keys.items()}
        for _ in range(2):
            torch.testing.assert_close(model(text[:, 3:], SharedPrefix(beginning)), model(text)[:, 3:])
    assert beginning.length == 3
    assert all(torch.equal(beginning.keys[block], keys) for block, keys in held.items())


def test_calibration_is_equation_1_of_the_paper():
    """softmax over W p with W = diag(q)^-1 and no bias, up to the scale, which the paper leaves to the argmax."""
    rng = np.random.default_rng(0)
    scores, free = rng.normal(size=(5, 3)), rng.normal(size=(2, 3))
    weighted = softmax(scores, axis=1) / softmax(free, axis=1).mean(axis=0)
    expected = np.log(weighted / weighted.sum(axis=1, keepdims=True))
    np.testing.assert_allclose(contextual_calibration(torch.tensor(scores), torch.tensor(free)), expected)
    even = contextual_calibration(torch.tensor(free[:1]), torch.tensor(free[:1]))
    np.testing.assert_allclose(even.exp(), np.full((1, 3), 1 / 3))
