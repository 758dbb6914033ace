"""What beam_step must do."""

import math
from functools import partial

import numpy as np
import torch

from upslope.blocks.language import beam
from upslope.checks import grades, wrong
from upslope.checks.blocks.tensors import TorchOp, tensor
from upslope.checks.expect import close, equal, raises, true

# Texts, vocabulary, width.
SIZES = ((1, 3, 2), (2, 2, 3), (3, 4, 3), (4, 5, 1), (2, 6, 4))


def beam_step(scores, log_probabilities, width):
    """The answer with all three results in one: scores above texts above tokens."""
    best, texts, tokens = beam.beam_step(scores, log_probabilities, width)
    return torch.stack([best, texts.to(best.dtype), tokens.to(best.dtype)])


def by_sorting(scores, log_probabilities, width):
    """Every text with every token, in a list that is sorted."""
    found = [
        (score + value, text, token)
        for text, score in enumerate(scores)
        for token, value in enumerate(log_probabilities[text])
    ]
    return np.array(sorted(found, key=lambda each: -each[0])[:width]).T


def drawn(*sizes):
    """Sums that stand well apart, so that no two of them can be mistaken."""

    def samples(rng):
        for texts, vocabulary, width in sizes:
            sums = -np.round(rng.permutation(texts * vocabulary).reshape(texts, vocabulary) * 0.25 + 0.5, 2)
            scores = -np.round(rng.uniform(0, 3, texts) * 4) / 4
            yield {"scores": scores, "log_probabilities": sums - scores[:, None], "width": width}

    return samples


STEP = TorchOp(beam.beam_step, call=beam_step, samples=drawn(*SIZES), truth=by_sorting)
HAND = {"scores": [-1.0, -2.0], "log_probabilities": [[-3.0, -1.0], [-0.5, -4.0]], "width": 2}

test_by_hand = STEP.by_hand(
    "of the sums [[-4, -2], [-2.5, -6]] the best are [-2, -2.5], by texts [0, 1] and tokens [1, 0]",
    (HAND, [[-2, -2.5], [0, 1], [1, 0]]),
)
test_one_beam = STEP.by_hand(
    "with one text and a width of 1 it is greedy: the likeliest token",
    ({"scores": [-7.0], "log_probabilities": [[-2.0, -0.25, -3.0]], "width": 1}, [[-7.25], [0], [1]]),
)
test_compete = STEP.by_hand(
    "all continuations compete: a good text may have several, and a bad one none",
    (
        {"scores": [-9.0, -1.0], "log_probabilities": [[-0.25, -2.0], [-1.0, -0.5]], "width": 2},
        [[-1.5, -2], [1, 1], [1, 0]],
    ),
)
test_few = STEP.by_hand(
    "where there are fewer continuations than width, all of them come back, the highest first",
    (
        {"scores": [0.0], "log_probabilities": [[-1.0, -0.5, -2.0]], "width": 10},
        [[-0.5, -1, -2], [0, 0, 0], [1, 0, 2]],
    ),
)
test_random = STEP.random("random scores: every text with every token, sorted")
test_large = STEP.large("4 texts and a vocabulary of 300", drawn((4, 300, 12)), atol=1e-4)


@grades(beam.beam_step)
def test_three_results(rng):
    """what comes back is a tuple: scores in the dtype that came, and two tensors of whole numbers"""
    for dtype in (torch.float32, torch.float64):
        sample = next(iter(drawn((2, 3, 4))(rng)))
        scores, table = (tensor(sample[name], dtype) for name in ("scores", "log_probabilities"))
        out = beam.beam_step(scores, table, 4)
        true(isinstance(out, tuple), "what comes back is not a tuple", case="beam_step(...)", got=type(out).__name__)
        equal([tuple(each.shape) for each in out], [(4,)] * 3, case="beam_step(...): shapes with width=4")
        equal([each.dtype for each in out], [dtype, torch.int64, torch.int64], case="beam_step(...): dtypes")


@grades(beam.beam_step)
def test_impossible(rng):
    """a continuation with the score -infinity comes after all others"""
    scores, table = tensor([-1.0, -math.inf]), tensor([[-math.inf, -2.0], [-0.5, -0.25]])
    best, texts, tokens = beam.beam_step(scores, table, 2)
    case = "beam_step([-1, -inf], [[-inf, -2], [-0.5, -0.25]], 2)"
    close(best, [-3, -math.inf], case=f"{case}: scores")
    equal([int(texts[0]), int(tokens[0])], [0, 1], case=f"{case}: text and token of the best")


@grades(beam.beam_step)
def test_inputs_stay(rng):
    """scores and log-probabilities are not changed"""
    scores, table = tensor([-1.0, -2.0]), tensor([[-3.0, -1.0], [-0.5, -4.0]])
    beam.beam_step(scores, table, 3)
    equal(scores.tolist(), [-1, -2], case="the scores afterwards")
    equal(table.tolist(), [[-3, -1], [-0.5, -4]], case="the log-probabilities afterwards")


@grades(beam.beam_step)
def test_refuses(rng):
    """a width below 1 raises a ValueError that names it"""
    for width in (0, -3):
        call = partial(beam.beam_step, tensor([-1.0]), tensor([[-1.0, -2.0]]), width)
        raises(ValueError, call, case=f"beam_step([-1], [[-1, -2]], {width})", says=[f"width={width}"])


wrong(
    beam.beam_step,
    {
        "what the texts have scored so far is forgotten": ("scores[:, None] + log_probabilities", "log_probabilities"),
        "scores are multiplied, as if they were probabilities and not their logarithms": (
            "scores[:, None] + log_probabilities",
            "scores[:, None] * log_probabilities",
        ),
        "each text keeps its own best token: they do not compete with each other's": (
            "best, places = sums.flatten().topk(min(width, sums.numel()))",
            "best, tokens = sums.max(dim=1); places = tokens + torch.arange(len(scores)) * vocabulary",
        ),
        "a place in the row is taken for the token": ("places % vocabulary", "places"),
        "text and token are returned the other way round": (
            "places // vocabulary, places % vocabulary",
            "places % vocabulary, places // vocabulary",
        ),
        "a place is divided by the number of texts, not of tokens": ("log_probabilities.shape[1]", "len(scores)"),
        "the worst continuations are kept": (
            "topk(min(width, sums.numel()))",
            "topk(min(width, sums.numel()), largest=False)",
        ),
        "the best stands last": (
            "topk(min(width, sums.numel()))",
            "sort()\n    best, places = best[-width:], places[-width:]",
        ),
        "a width above the number of continuations is an error": ("min(width, sums.numel())", "width"),
        "the scores are added to the table of whoever called": (
            "sums = scores[:, None] + log_probabilities",
            "sums = log_probabilities.add_(scores[:, None])",
        ),
        "a width of 0 is accepted, and the search ends with nothing": ("if width < 1:", "if width < 0:"),
        "the best scores come back in float32": ("return best,", "return best.float(),"),
        "impossible continuations become nan, which wins against everything": (
            "scores[:, None] + log_probabilities",
            "scores[:, None] + log_probabilities + 0 * log_probabilities",
        ),
    },
)
