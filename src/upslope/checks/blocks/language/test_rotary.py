"""What rotary_embedding must do."""

import math

import numpy as np

from upslope.blocks.language import rotary
from upslope.checks import grades, wrong
from upslope.checks.blocks.tensors import TorchOp, tensor
from upslope.checks.expect import close
from upslope.checks.samples import some

SHAPES = ((1, 2), (3, 4), (2, 5, 6), (2, 2, 3, 4), (0, 2))


def by_complex_numbers(x, start=0, base=10_000.0):
    """Each pair as a complex number, multiplied by exp(i * angle): a rotation in one product."""
    half = x.shape[-1] // 2
    pairs = x[..., :half] + 1j * x[..., half:]
    angles = (start + np.arange(x.shape[-2]))[:, None] * base ** (-2 * np.arange(half) / x.shape[-1])
    turned = pairs * np.exp(1j * angles)
    return np.concatenate([turned.real, turned.imag], axis=-1)


def drawn(*shapes, **settings):
    return lambda rng: [{"x": some(rng, *shape), **settings} for shape in shapes]


ROTARY = TorchOp(rotary.rotary_embedding, samples=drawn(*SHAPES), truth=by_complex_numbers)

test_shape_and_dtype = ROTARY.shape("shape and dtype of x")
test_by_hand = ROTARY.by_hand(
    "[[1, 0], [1, 0]] becomes [[1, 0], [0.5403, 0.8415]]",
    ({"x": [[1.0, 0.0], [1.0, 0.0]]}, [[1, 0], [math.cos(1), math.sin(1)]]),
)
test_random = ROTARY.random("random rows, as products with complex numbers", atol=1e-5)
test_base = ROTARY.random("another base has other angles", drawn(*SHAPES, base=100.0), atol=1e-5)
test_default_base = ROTARY.random(
    "without base it is 10,000: far out every part of it counts",
    drawn((2, 4), start=100_000),
    dtypes=("float64",),
    atol=1e-3,
)
test_start = ROTARY.random(
    "rows that continue a sequence are rotated as they would be in the whole", drawn((5, 4), (2, 2), start=4), atol=1e-5
)
test_large = ROTARY.large("4 heads of 32 positions and 64 features", drawn((4, 32, 64)), atol=1e-3)


@grades(rotary.rotary_embedding)
def test_relative(rng):
    """the product of a query and a key depends on how far apart they stand, not on where"""
    q, k = (tensor(some(rng, 1, 8)) for _ in range(2))
    for first in (3, 40):
        products = [
            (rotary.rotary_embedding(q, start=start) * rotary.rotary_embedding(k, start=start + 5)).sum()
            for start in (0, first)
        ]
        case = f"a query at {first} and a key at {first + 5}, beside 0 and 5"
        close(products[1], products[0].numpy(), case=case, atol=1e-4)


test_gradient = ROTARY.gradient("the gradient of x agrees with finite differences", drawn((3, 4), start=2))
test_laws = ROTARY.laws(
    "the laws of every operation: calls, passes and memory do not get mixed up",
    drawn((2, 3, 4), (5, 2)),
    dtypes=("float16", "float32", "float64"),
)


wrong(
    rotary.rotary_embedding,
    {
        "the rotation turns the other way": (
            "first * cos - second * sin, first * sin + second * cos",
            "first * cos + second * sin, second * cos - first * sin",
        ),
        "a sign is lost, so lengths change": ("first * cos - second * sin", "first * cos + second * sin"),
        "neighbours are paired, not features half a row apart": (
            "first, second = x[..., :half], x[..., half:]",
            "first, second = x[..., 0::2], x[..., 1::2]",
        ),
        "start is not looked at": (
            "torch.arange(start, start + x.shape[-2], device=x.device)",
            "torch.arange(x.shape[-2], device=x.device)",
        ),
        "frequencies rise where they should fall": ("base ** (-torch", "base ** (torch"),
        "the base is always 10,000": ("= base ** (", "= 10_000.0 ** ("),
        "cut from the graph: no gradient goes back": (
            "first * sin + second * cos], dim=-1)",
            "first * sin + second * cos], dim=-1).detach()",
        ),
        "the result is a double, whatever x is": (
            "first * sin + second * cos], dim=-1)",
            "first * sin + second * cos], dim=-1).double()",
        ),
    },
)
