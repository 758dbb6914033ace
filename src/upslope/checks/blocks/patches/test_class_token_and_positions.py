"""What ClassTokenAndPositions must do."""

import math

import numpy as np
import torch

from upslope.blocks import patches
from upslope.checks import grades, survives, wrong
from upslope.checks.blocks.module_info import ModuleInfo
from upslope.checks.expect import close, equal
from upslope.checks.samples import some


def drawn(*sizes):
    """Batch, tokens, dim."""
    return lambda rng: [
        ({"tokens": count, "dim": dim}, {"x": some(rng, batch, count, dim)}) for batch, count, dim in sizes
    ]


def one_by_one(x, weights, **_):
    """Picture by picture, token by token."""
    first, places = weights["class_token"][0, 0], weights["positions"][0]
    return torch.stack([torch.stack([first, *picture]) + places for picture in x]) if len(x) else x.new_zeros(0, 3, 3)


SIZES = ((2, 3, 2), (1, 2, 3), (1, 1, 1), (3, 2, 2), (2, 4, 5))
CLASS = ModuleInfo(patches.ClassTokenAndPositions, samples=drawn(*SIZES), truth=one_by_one)

test_class_parameters = CLASS.parameters(
    "class_token (1, 1, dim) and positions (1, 1 + T, dim)",
    ({"tokens": 4, "dim": 3}, {"class_token": [1, 1, 3], "positions": [1, 5, 3]}),
)


@grades(patches.ClassTokenAndPositions)
def test_class_learned(rng):
    """both are parameters, which an optimizer finds"""
    names = sorted(name for name, _ in patches.ClassTokenAndPositions(tokens=4, dim=3).named_parameters())
    equal(names, ["class_token", "positions"], case="ClassTokenAndPositions(tokens=4, dim=3).named_parameters()")


test_class_shape_and_dtype = CLASS.shape(
    "(B, T, dim) becomes (B, 1 + T, dim); an empty batch stays empty", drawn(*SIZES, (0, 2, 3))
)
test_class_by_hand = CLASS.by_hand(
    "class token first, then the places: [[1], [2]] becomes [[109], [201], [302]]",
    (
        {"tokens": 2, "dim": 1},
        {"class_token": [[[9.0]]], "positions": [[[100.0], [200.0], [300.0]]]},
        [[[1.0], [2.0]]],
        [[[109], [201], [302]]],
    ),
)
test_class_random = CLASS.random("the same token and places for every picture", drawn(*SIZES, (2, 16, 64)))
test_class_gradient = CLASS.gradient(
    "the class token and the positions gather the gradients of all pictures", drawn(*SIZES[:2])
)


@grades(patches.ClassTokenAndPositions)
def test_class_at_first(rng):
    """at first both are normal noise of standard deviation 0.02"""
    layer = patches.ClassTokenAndPositions(tokens=7, dim=4000)
    for name, values in layer.state_dict().items():
        noise = np.array(values.tolist()).ravel()
        spread = float(np.sqrt(np.square(noise).mean()))
        # Chance moves a mean square by five times its standard deviation less than once in a million draws.
        stray = 5 / math.sqrt(2 * noise.size)
        what = f"ClassTokenAndPositions(tokens=7, dim=4000).{name}"
        close(spread, 0.02, case=f"{what}: standard deviation", rtol=stray, atol=0)
        close(noise.mean(), 0.0, case=f"{what}: mean", rtol=0, atol=0.1 / math.sqrt(noise.size))
        # Of normal numbers 4.6 in 100 lie further out than twice the deviation, of uniform ones none.
        far = float((np.abs(noise) > 2 * spread).mean())
        close(far, 0.0455, case=f"{what}: share beyond twice the deviation", rtol=0, atol=0.02)


test_laws = CLASS.laws("x is not changed; calls, passes and memory do not get mixed up")
test_learns = CLASS.learns(
    "a plain backward pass, in training and in evaluation, reaches every parameter and the input", drawn(SIZES[0])
)


wrong(
    patches.ClassTokenAndPositions,
    {
        "the class token comes last": ("torch.cat([first, x], dim=1)", "torch.cat([x, first], dim=1)"),
        "the positions are added to the patches alone, the class token gets none": (
            "torch.cat([first, x], dim=1) + self.positions",
            "torch.cat([first, x + self.positions[:, 1:]], dim=1)",
        ),
        "the class token is not repeated for every picture of the batch": (
            "self.class_token.expand(x.shape[0], -1, -1)",
            "self.class_token",
        ),
        "there is no place for the class token among the positions": (
            "torch.randn(1, 1 + tokens, dim)",
            "torch.randn(1, tokens, dim)",
        ),
        "the positions are a buffer: they are stored and never learned": (
            "self.positions = nn.Parameter(torch.randn(1, 1 + tokens, dim) * 0.02)",
            'self.register_buffer("positions", torch.randn(1, 1 + tokens, dim) * 0.02)',
        ),
        "the noise has a standard deviation of 1, as large as what it is added to": (
            "torch.randn(1, 1 + tokens, dim) * 0.02",
            "torch.randn(1, 1 + tokens, dim)",
        ),
        "x is changed in place": (
            "torch.cat([first, x], dim=1) + self.positions",
            "torch.cat([first + self.positions[:, :1], x.add_(self.positions[:, 1:])], dim=1)",
        ),
        "the class token is cut from the graph, so it never learns": (
            "self.class_token.expand",
            "self.class_token.detach().expand",
        ),
    },
)
survives(
    patches.ClassTokenAndPositions,
    {
        "-1 leaves the size as it is, which is 1": [("x.shape[0], -1, -1)", "x.shape[0], (1), -1)")],
    },
)
