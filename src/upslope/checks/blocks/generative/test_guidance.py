"""What guided must do."""

import numpy as np

from upslope.blocks.generative import guidance as module
from upslope.checks import wrong
from upslope.checks.blocks.tensors import TorchOp
from upslope.checks.samples import some

SIZES = ((1, 1), (2, 3), (2, 1, 3, 2), (3,))


def drawn(rng, sizes=SIZES, strengths=(0.5, 1.5, 3.0)):
    for size, strength in zip(sizes, (*strengths, float(rng.integers(1, 80)) / 10), strict=False):
        yield {"asked": some(rng, *size), "anything": some(rng, *size), "guidance": strength}


def between(rng):
    """From what was said without the class, at -1, to what was said with it, at 0."""
    for strength in (-1.0, -0.25, 0.0):
        yield {"asked": some(rng, 2, 3), "anything": some(rng, 2, 3), "guidance": strength}


GUIDED = TorchOp(
    module.guided,
    samples=drawn,
    truth=lambda asked, anything, guidance: (1 + guidance) * asked - guidance * anything,
)

test_shape = GUIDED.shape("the shape and the dtype of what was said")
test_by_hand = GUIDED.by_hand(
    "3 with the class, 1 without, guidance 1.5: 2.5 * 3 - 1.5 * 1 = 6",
    (
        {"asked": np.array([[3.0]]), "anything": np.array([[1.0]]), "guidance": 1.5},
        [[6.0]],
        [[1.0]],
        {"asked": [[2.5]], "anything": [[-1.5]]},
    ),
)
test_ends = GUIDED.random("guidance 0 gives what was said with the class, -1 what was said without it", between)
test_random = GUIDED.random("random numbers, and other strengths")
test_same = GUIDED.by_hand(
    "where the class changes nothing, guidance changes nothing",
    ({"asked": np.array([[0.5, -2.0]]), "anything": np.array([[0.5, -2.0]]), "guidance": 4.0}, [[0.5, -2.0]]),
)
test_gradient = GUIDED.gradient("the gradients of both agree with finite differences")
test_large = GUIDED.large("images of 28 x 28", lambda rng: drawn(rng, ((4, 1, 28, 28),)))
test_laws = GUIDED.laws("calls, passes and memory do not get mixed up")


wrong(
    module.guided,
    {
        "strength is counted from 1: 0 gives what was said without the class": (
            "return asked + guidance",
            "return anything + guidance",
        ),
        "away from the class: the difference has the wrong sign": (
            "difference = asked - anything",
            "difference = anything - asked",
        ),
        "both weights are positive, and together they are not 1": (
            "asked + guidance * difference",
            "(1 + guidance) * asked + guidance * anything",
        ),
        "a mean of both, which never goes beyond what was said with the class": (
            "asked + guidance * difference",
            "(asked + guidance * anything) / (1 + guidance)",
        ),
        "what comes out is kept in [-1, 1], as if it were an image": (
            "return asked + guidance * difference",
            "return (asked + guidance * difference).clamp(-1, 1)",
        ),
        "guidance is always 1, whatever was asked for": ("asked + guidance * difference", "asked + 1.0 * difference"),
        "what was said without the class is cut from the graph": ("asked - anything\n", "asked - anything.detach()\n"),
        "the result is a double, whatever was said": (
            "return asked + guidance * difference",
            "return (asked + guidance * difference).double()",
        ),
    },
)
