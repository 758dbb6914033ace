"""What next_token_probabilities must do."""

import itertools
from functools import partial
from typing import Any

import numpy as np
import torch

from upslope.blocks.language import sampling
from upslope.checks import grades, survives, wrong
from upslope.checks.blocks.tensors import tensor
from upslope.checks.expect import close, tensor_of
from upslope.checks.laws import Call, keeps_laws
from upslope.checks.samples import some, spelled

LOGS = np.log([1.0, 2.0, 5.0])
SETTINGS: tuple[dict[str, Any], ...] = ({}, {"temperature": 0.0}, {"top_k": 2, "top_p": 0.9})


def one_by_one(logits, temperature=1.0, top_k=0, top_p=1.0):
    """A single row in plain Python, token by token from the likeliest on."""
    order = sorted(range(len(logits)), key=lambda i: (-logits[i], i))[: top_k or len(logits)]
    weights = {i: float(np.exp((logits[i] - max(logits)) / temperature)) for i in order}
    total, reached = sum(weights.values()), 0.0
    kept: dict[int, float] = {}
    for i in order:
        if kept and reached >= top_p:
            break
        kept[i] = weights[i]
        reached += weights[i] / total
    return [kept.get(i, 0.0) / sum(kept.values()) for i in range(len(logits))]


@grades(sampling.next_token_probabilities)
def test_shape_and_dtype(rng):
    """shape and dtype of the logits"""
    for dtype in (torch.float32, torch.float64):
        for shape in ((3,), (2, 4), (2, 3, 5)):
            kind = str(dtype).removeprefix("torch.")
            for settings in SETTINGS:
                got = sampling.next_token_probabilities(tensor(some(rng, *shape), dtype), **settings)
                tensor_of(got, shape, dtype=kind, case=f"{kind} logits of shape {shape}, {settings}")


@grades(sampling.next_token_probabilities)
def test_by_hand(rng):
    """logits [ln 1, ln 2, ln 5] give [0.125, 0.25, 0.625], and with top_k=2 [0, 2/7, 5/7]"""
    for settings, expected in (
        ({}, [0.125, 0.25, 0.625]),
        ({"top_k": 1}, [0, 0, 1]),
        ({"top_k": 2}, [0, 2 / 7, 5 / 7]),
        ({"temperature": 0.5}, [1 / 30, 4 / 30, 25 / 30]),
        ({"top_p": 0.7}, [0, 2 / 7, 5 / 7]),
    ):
        case = f"logits [ln 1, ln 2, ln 5], {settings}"
        close(sampling.next_token_probabilities(tensor(LOGS), **settings), expected, case=case)


@grades(sampling.next_token_probabilities)
def test_greedy(rng):
    """temperature=0 puts everything on the largest logit, the first if several are equal"""
    for logits, place in (([1.0, 3.0, 2.0], 1), ([2.0, 5.0, 5.0], 1), ([-1.0, -4.0], 0)):
        got = sampling.next_token_probabilities(tensor([logits]), temperature=0.0)
        close(got, np.eye(len(logits))[[place]], case=f"logits {logits}, temperature=0")


@grades(sampling.next_token_probabilities)
def test_random(rng):
    """random rows in every combination of temperature, top-k and top-p"""
    logits = some(rng, 3, 6, spread=2)
    for temperature, top_k, top_p in itertools.product((0.3, 1.0, 2.0), (0, 1, 4, 9), (0.05, 0.6, 1.0)):
        expected = [one_by_one(row.tolist(), temperature, top_k, top_p) for row in logits]
        got = sampling.next_token_probabilities(tensor(logits), temperature=temperature, top_k=top_k, top_p=top_p)
        case = f"logits {spelled(logits)}, temperature={temperature}, top_k={top_k}, top_p={top_p}"
        close(got, expected, case=case)


@grades(sampling.next_token_probabilities)
def test_top_p_keeps_the_one_that_crosses(rng):
    """the token with which the sum reaches p stays, and the likeliest one stays for any p"""
    for top_p, expected in ((0.5, [0, 0, 1]), (0.63, [0, 2 / 7, 5 / 7]), (0.9, [0.125, 0.25, 0.625]), (0.0, [0, 0, 1])):
        got = sampling.next_token_probabilities(tensor(LOGS), top_p=top_p)
        close(got, expected, case=f"logits [ln 1, ln 2, ln 5], top_p={top_p}")


@grades(sampling.next_token_probabilities)
def test_large_logits(rng):
    """logits of 10,000 do not overflow"""
    got = sampling.next_token_probabilities(tensor(LOGS + 1e4), temperature=0.5)
    close(got, [1 / 30, 4 / 30, 25 / 30], case="logits [ln 1, ln 2, ln 5] + 10,000, temperature=0.5", atol=1e-5)


@grades(sampling.next_token_probabilities)
def test_default(rng):
    """without settings it is softmax"""
    close(sampling.next_token_probabilities(tensor(LOGS)), [1 / 8, 2 / 8, 5 / 8], case="log [1, 2, 5]")


@grades(sampling.next_token_probabilities)
def test_laws(rng):
    """the laws of every operation: calls, passes and memory do not get mixed up"""
    f = partial(sampling.next_token_probabilities, temperature=0.5, top_k=2, top_p=0.9)
    calls = (Call(f, [some(rng, *shape)]) for shape in ((2, 3), (1, 4)))
    keeps_laws(*calls, tensor=tensor, backward=False, dtypes=())


wrong(
    sampling.next_token_probabilities,
    {
        "logits are multiplied by the temperature": ("(ordered / temperature)", "(ordered * temperature)"),
        "the temperature is not looked at": ("(ordered / temperature)", "ordered"),
        "top-k keeps one token too many": (
            "ordered[..., :top_k], torch.full_like(ordered[..., top_k:]",
            "ordered[..., : top_k + 1], torch.full_like(ordered[..., top_k + 1 :]",
        ),
        "tokens cut by top-k get the logit 0, not a probability of 0": ('float("-inf")', "0.0"),
        "top-p drops the token with which the sum reaches p": (
            "probabilities.cumsum(dim=-1) - probabilities",
            "probabilities.cumsum(dim=-1)",
        ),
        "for a small p no token is left": (" | (torch.arange(logits.shape[-1], device=logits.device) == 0)", ""),
        "what is left does not sum to 1": (
            "probabilities / probabilities.sum(dim=-1, keepdim=True)",
            "probabilities * 1.0",
        ),
        "the probabilities stay in the order of likelihood": (
            "torch.empty_like(probabilities).scatter(-1, order, probabilities)",
            "probabilities",
        ),
        "at temperature 0 each of several largest logits gets the probability 1": (
            "torch.zeros_like(logits).scatter(-1, logits.argmax(dim=-1, keepdim=True), 1.0)",
            "(logits == logits.amax(dim=-1, keepdim=True)).to(logits.dtype)",
        ),
        "the probabilities are doubles, whatever the logits are": (
            "empty_like(probabilities).scatter(-1, order, probabilities)",
            "empty_like(probabilities).scatter(-1, order, probabilities).double()",
        ),
        "the logits are divided by the temperature in place": (
            "ordered, order = logits.sort(",
            "logits /= temperature; temperature = 1.0; ordered, order = logits.sort(",
        ),
    },
)
survives(
    sampling.next_token_probabilities,
    {
        "the last dimension is the one that sort takes by itself": [("sort(dim=-1, ", "sort(")],
        "PyTorch sorts so few numbers in a stable way in any case": [
            (", stable=True", ""),
            ("stable=True", "stable=False"),
        ],
        "a sum of rounded probabilities equals top_p by chance alone": [("before < top_p", "before <= top_p")],
        "a sum of probabilities reaches neither": [("top_p: float = 1.0", "top_p: float = 2.0")],
    },
)
