"""What keep_min_p must do."""

import numpy as np

from upslope.blocks.language import min_p as module
from upslope.checks import wrong
from upslope.checks.blocks.tensors import TorchOp

SHAPES = ((4,), (1, 3), (3, 5), (2, 3, 6), (2, 1, 2, 3))


def drawn(*shapes, min_p=(0.0, 0.3, 0.8)):
    """Rows of probabilities, some peaked and some flat."""

    def samples(rng):
        cases = []
        for shape in shapes:
            for bar in min_p:
                weights = np.exp(rng.normal(size=shape) * rng.choice([0.3, 2.0]))
                cases.append({"probabilities": weights / weights.sum(axis=-1, keepdims=True), "min_p": bar})
        return cases

    return samples


def one_by_one(probabilities, min_p):
    """Row by row in plain Python."""

    def row(p):
        kept = [value if value >= min_p * max(p) else 0.0 for value in p.tolist()]
        return [value / sum(kept) for value in kept]

    return np.apply_along_axis(row, -1, probabilities)


KEEP = TorchOp(module.keep_min_p, samples=drawn(*SHAPES), truth=one_by_one)

test_shape_and_dtype = KEEP.shape("shape and dtype of the probabilities, whatever stands in front")
test_by_hand = KEEP.by_hand(
    "[0.5, 0.3, 0.2] with min_p = 0.5 becomes [0.625, 0.375, 0]",
    ({"probabilities": [0.5, 0.3, 0.2], "min_p": 0.5}, [0.625, 0.375, 0.0]),
)
test_relative = KEEP.by_hand(
    "the bar is a share of each row's own largest probability",
    ({"probabilities": [[0.9, 0.08, 0.02], [0.4, 0.35, 0.25]], "min_p": 0.1}, [[1, 0, 0], [0.4, 0.35, 0.25]]),
)
test_reaching_is_enough = KEEP.by_hand(
    "a token that just reaches the bar stays, and with min_p = 1 all of the likeliest do",
    ({"probabilities": [0.5, 0.25, 0.25], "min_p": 0.5}, [0.5, 0.25, 0.25]),
    ({"probabilities": [0.375, 0.375, 0.25], "min_p": 1.0}, [0.5, 0.5, 0.0]),
)
test_nothing_is_cut = KEEP.by_hand(
    "min_p = 0 changes nothing, and a probability of 0 stays 0",
    ({"probabilities": [0.5, 0.5, 0.0], "min_p": 0.0}, [0.5, 0.5, 0.0]),
)
test_random = KEEP.random("random rows, peaked and flat")
test_large = KEEP.large("a vocabulary of 200", drawn((2, 200), min_p=(0.05,)))
test_laws = KEEP.laws("the laws of every operation: calls, passes and memory do not get mixed up")


wrong(
    module.keep_min_p,
    {
        "the bar is min_p itself, not a share of the largest probability": (
            "min_p * probabilities.amax(dim=-1, keepdim=True)",
            "min_p",
        ),
        "the largest probability of all rows sets the bar for each": (
            "probabilities.amax(dim=-1, keepdim=True)",
            "probabilities.amax()",
        ),
        "what just reaches the bar is cut": ("probabilities >= bar", "probabilities > bar"),
        "what is left does not sum to 1": ("kept / kept.sum(dim=-1, keepdim=True)", "kept"),
        "the sum runs over all rows": ("kept.sum(dim=-1, keepdim=True)", "kept.sum()"),
        "a softmax brings back the sum, and gives what was cut a probability again": (
            "kept / kept.sum(dim=-1, keepdim=True)",
            "kept.softmax(dim=-1)",
        ),
        "the likely tokens are cut and the unlikely ones kept": ("probabilities >= bar", "probabilities <= bar"),
        "what is cut is set to 0 in place": (
            "torch.where(probabilities >= bar, probabilities, torch.zeros_like(probabilities))",
            "probabilities.masked_fill_(probabilities < bar, 0)",
        ),
        "only the tokens that stay come back": (
            "torch.where(probabilities >= bar, probabilities, torch.zeros_like(probabilities))",
            "probabilities[probabilities >= bar]",
        ),
    },
)
