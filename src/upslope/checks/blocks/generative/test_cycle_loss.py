"""What cycle_loss must do."""

import numpy as np

from upslope.blocks.generative import cycle_loss as module
from upslope.checks import wrong
from upslope.checks.blocks.tensors import TorchOp
from upslope.checks.samples import some

# Images of the first kind, and of the second.
SHAPES = (((2,), (2,)), ((3, 1, 2), (1, 1, 2)), ((1, 1, 2, 2), (2, 1, 2, 2)), ((2, 3, 1, 2), (2, 3, 1, 2)))


def doubled(t):
    """A generator that no other undoes; it works on arrays and on tensors."""
    return 2 * t


def risen(t):
    return t * t * 0.5 + 1


def drawn(rng, shapes=SHAPES):
    for ours, theirs in shapes:
        yield {
            "x": some(rng, *ours),
            "y": some(rng, *theirs),
            "fake_x": some(rng, *theirs),
            "fake_y": some(rng, *ours),
            "to_x": risen,
            "to_y": doubled,
        }


def one_by_one(x, y, fake_x, fake_y, to_x, to_y):
    first = [abs(a - b) for a, b in zip(to_x(fake_y).ravel(), x.ravel(), strict=True)]
    second = [abs(a - b) for a, b in zip(to_y(fake_x).ravel(), y.ravel(), strict=True)]
    return np.array(sum(first) / len(first) + sum(second) / len(second))


def after(t):
    return t + 1


CYCLE = TorchOp(module.cycle_loss, samples=drawn, truth=one_by_one)
HAND = {"x": [1.0], "y": [3.0], "fake_y": [2.0], "fake_x": [4.0], "to_x": after, "to_y": doubled}

test_shape = CYCLE.shape("a scalar of the images' dtype")
test_by_hand = CYCLE.by_hand(
    "x = 1 becomes 2 and then 3, y = 3 becomes 4 and then 8: the loss is 2 + 5 = 7",
    (HAND, 7, 1, {"x": [-1.0], "y": [-1.0], "fake_y": [1.0], "fake_x": [2.0]}),
)
test_perfect = CYCLE.by_hand(
    "generators that undo each other cost nothing",
    ({**HAND, "to_x": after, "to_y": after, "fake_y": [0.0], "fake_x": [2.0]}, 0),
)
test_random = CYCLE.random("random images, also of different counts: each way has its own mean")
test_gradient = CYCLE.gradient("gradients of the originals and of the translations agree with finite differences")
test_large = CYCLE.large("16 images of 28 x 28", lambda rng: drawn(rng, shapes=(((16, 1, 28, 28), (16, 1, 28, 28)),)))
test_laws = CYCLE.laws("calls, passes and memory do not get mixed up")


wrong(
    module.cycle_loss,
    {
        "squared differences: the way back gets blurred": (
            "(to_x(fake_y) - x).abs().mean()",
            "(to_x(fake_y) - x).square().mean()",
        ),
        "only one way is closed: the other generator may do as it likes": ("first + second", "first"),
        "the translation is translated on by the same generator, not back": ("to_x(fake_y) - x", "to_y(fake_y) - x"),
        "the translation itself is compared with the original": ("to_x(fake_y) - x", "fake_y - x"),
        "the differences are summed over pixels and images, not averaged": ("- y).abs().mean()", "- y).abs().sum()"),
        "the first generator learns nothing: its translation is cut from the graph": (
            "to_x(fake_y)",
            "to_x(fake_y.detach())",
        ),
        "half of the sum: the mean of both ways": ("first + second", "(first + second) / 2"),
        "the loss is always float64": ("return first + second", "return (first + second).double()"),
        "the originals are overwritten by the difference, and the next step learns from that": (
            "(to_y(fake_x) - y).abs().mean()",
            "y.data.sub_(to_y(fake_x)).abs().mean()",
        ),
        "differences of opposite sign cancel": ("(to_y(fake_x) - y).abs().mean()", "(to_y(fake_x) - y).mean().abs()"),
    },
)
