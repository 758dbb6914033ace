"""What dice_loss must do."""

import math

import numpy as np

from upslope.blocks import dice_loss as module
from upslope.checks import wrong
from upslope.checks.blocks.tensors import TorchOp
from upslope.checks.samples import some

SIZES = ((1, 2, 1, 2), (2, 3, 4, 3), (3, 2, 5, 5), (1, 5, 2, 2))


def drawn(rng, sizes=SIZES, **settings):
    for batch, classes, height, width in sizes:
        logits = some(rng, batch, classes, height, width, spread=2.0)
        yield {"logits": logits, "target": rng.integers(0, classes, (batch, height, width)), **settings}


def with_void(rng):
    """A third of the pixels is nobody's; void may be any number."""
    for ignore in (-1, 2, 255):
        for sample in drawn(rng):
            target = sample["target"].copy()
            target[target == ignore] = 0
            target[rng.random(target.shape) < 0.3] = ignore
            yield {**sample, "target": target} | ({"ignore": ignore} if ignore != -1 else {})


def with_eps(rng):
    for eps in (0.1, 5.0):
        yield from drawn(rng, eps=eps)


def pixel_by_pixel(logits, target, ignore=-1, eps=1.0):
    batch, classes, height, width = logits.shape
    shared, claimed, there = ([0.0] * classes for _ in range(3))
    for b in range(batch):
        for y in range(height):
            for x in range(width):
                if target[b, y, x] == ignore:
                    continue
                row = logits[b, :, y, x].tolist()
                powers = [math.exp(value - max(row)) for value in row]
                for k, power in enumerate(powers):
                    p, g = power / sum(powers), float(target[b, y, x] == k)
                    shared[k] += p * g
                    claimed[k] += p
                    there[k] += g
    ratios = [(2 * s + eps) / (c + t + eps) for s, c, t in zip(shared, claimed, there, strict=True)]
    return np.array(1 - sum(ratios) / classes)


DICE = TorchOp(module.dice_loss, samples=drawn, truth=pixel_by_pixel)

test_shape = DICE.shape("a scalar of the logits' dtype")
test_by_hand = DICE.by_hand(
    "two pixels of two classes, nothing known: both ratios are 2/3",
    ({"logits": np.zeros((1, 2, 1, 2)), "target": np.array([[[0, 1]]])}, 1 / 3),
)
test_ends = DICE.by_hand(
    "certain and right costs nothing; certain and wrong costs nearly everything",
    ({"logits": np.array([[[[40.0, -40]], [[-40.0, 40]]]]), "target": np.array([[[0, 1]]])}, 0.0),
    ({"logits": np.array([[[[40.0, -40]], [[-40.0, 40]]]]), "target": np.array([[[1, 0]]])}, 1 - 1 / 3),
)
test_absent = DICE.by_hand(
    "a class that is nowhere, and that nobody claims, is perfect",
    ({"logits": np.array([[[[40.0]], [[-40.0]], [[-40.0]]]]), "target": np.array([[[0]]])}, 0.0),
)
test_batch = DICE.by_hand(
    "sums run over all pictures together, not picture by picture",
    (
        {"logits": np.zeros((2, 2, 1, 1)), "target": np.array([[[0]], [[0]]])},
        1 - ((2 + 1) / (1 + 2 + 1) + 1 / (1 + 0 + 1)) / 2,
    ),
)
test_random = DICE.random("random logits and targets")
test_void = DICE.random("pixels that are nobody's are in no sum, whatever number stands for them", with_void)
test_eps = DICE.random("other eps", with_eps)
test_stable = DICE.stable(
    "logits of +-1000: loss and gradient stay finite",
    (
        {"logits": np.array([[[[1000.0]], [[-1000.0]]]]), "target": np.array([[[0]]])},
        0.0,
        1,
        {"logits": np.zeros((1, 2, 1, 1))},
    ),
)
test_gradient = DICE.gradient("the gradient agrees with finite differences", wanted=("logits",))
test_large = DICE.large("four pictures of 24 x 24 pixels", lambda rng: drawn(rng, sizes=((4, 3, 24, 24),)))
test_laws = DICE.laws("calls, passes and memory do not get mixed up")


wrong(
    module.dice_loss,
    {
        "the ratio is given, not 1 less it: what is right costs most": ("1 - ((2 *", "((2 *"),
        "the 2 is left out: a perfect answer has the ratio 1/2": ("2 * shared + eps", "shared + eps"),
        "sums run over each picture on its own": ("sum(dim=(0, 2, 3))", "sum(dim=(2, 3))"),
        "one ratio for all classes together": ("sum(dim=(0, 2, 3))", "sum()"),
        "pixels that are nobody's still count as claimed": (
            "logits.softmax(dim=1) * real[:, None]",
            "logits.softmax(dim=1)",
        ),
        "pixels that are nobody's are of class 0": (".movedim(-1, 1) * real[:, None]", ".movedim(-1, 1)"),
        "the softmax runs over the picture's width": ("softmax(dim=1)", "softmax(dim=3)"),
        "the union is in the lower part: that is IoU": ("(claimed + there + eps)", "(claimed + there - shared + eps)"),
        "the probabilities are cut from the graph": ("logits.softmax(dim=1)", "logits.detach().softmax(dim=1)"),
        "eps stands below only: a class that is nowhere costs everything": ("2 * shared + eps", "2 * shared"),
        "eps is always 1, whatever was asked for": ("+ eps) / (claimed + there + eps)", "+ 1) / (claimed + there + 1)"),
        "the loss is always float64": ("for x in (p * g, p, g)", "for x in ((p * g).double(), p, g)"),
    },
)
