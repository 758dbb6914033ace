"""What rotary_embedding must do."""

import math

import numpy as np
import torch

from upslope.blocks.language import rotary
from upslope.checks import grades, wrong
from upslope.checks.blocks.tensors import gradients, laid, tensor
from upslope.checks.expect import close, tensor_of
from upslope.checks.laws import Call, keeps_laws
from upslope.checks.samples import some, spelled

SHAPES = ((1, 2), (3, 4), (2, 5, 6), (2, 2, 3, 4))


def by_complex_numbers(x, start=0, base=10_000.0):
    """Each pair as a complex number, multiplied by exp(i * angle): a rotation in one product."""
    half = x.shape[-1] // 2
    pairs = x[..., :half] + 1j * x[..., half:]
    angles = (start + np.arange(x.shape[-2]))[:, None] * base ** (-2 * np.arange(half) / x.shape[-1])
    turned = pairs * np.exp(1j * angles)
    return np.concatenate([turned.real, turned.imag], axis=-1)


@grades(rotary.rotary_embedding)
def test_shape_and_dtype(rng):
    """shape and dtype of x"""
    for dtype in (torch.float32, torch.float64):
        for shape in (*SHAPES, (0, 2)):
            kind = str(dtype).removeprefix("torch.")
            x = tensor(some(rng, *shape), dtype)
            tensor_of(rotary.rotary_embedding(x), shape, dtype=kind, case=f"{kind} numbers of shape {shape}")


@grades(rotary.rotary_embedding)
def test_by_hand(rng):
    """[[1, 0], [1, 0]] becomes [[1, 0], [0.5403, 0.8415]]"""
    got = rotary.rotary_embedding(tensor([[1.0, 0.0], [1.0, 0.0]]))
    close(got, [[1, 0], [math.cos(1), math.sin(1)]], case="rotary_embedding([[1, 0], [1, 0]])", atol=1e-5)


@grades(rotary.rotary_embedding)
def test_random(rng):
    """random rows, as products with complex numbers"""
    for shape in SHAPES:
        x = some(rng, *shape)
        case = f"x = {spelled(x)}"
        close(rotary.rotary_embedding(tensor(x)), by_complex_numbers(x), case=case, atol=1e-5)
        got = rotary.rotary_embedding(tensor(x), base=100.0)
        close(got, by_complex_numbers(x, base=100.0), case=f"{case}, base=100", atol=1e-5)


@grades(rotary.rotary_embedding)
def test_start(rng):
    """rows that continue a sequence are rotated as they would be in the whole"""
    x = some(rng, 6, 4)
    whole = rotary.rotary_embedding(tensor(x))
    for start in (1, 4):
        got = rotary.rotary_embedding(tensor(x[start:]), start=start)
        close(got, by_complex_numbers(x)[start:], case=f"rows {start} to 5 of 6, start={start}", atol=1e-5)
        close(got, whole[start:], case=f"rows {start} to 5 of 6, start={start}, beside the whole", atol=1e-5)


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


@grades(rotary.rotary_embedding)
def test_gradient(rng):
    """the gradient of x agrees with finite differences"""
    x = some(rng, 3, 4)
    gradients(lambda x: rotary.rotary_embedding(x, start=2), {"x": x}, rng=rng, case=f"x = {spelled(x)}, start=2")


@grades(rotary.rotary_embedding)
def test_default_base(rng):
    """without base it is 10,000: far out every part of it counts"""
    x, start = some(rng, 2, 4), 100_000
    got = rotary.rotary_embedding(tensor(x), start=start)
    close(got, by_complex_numbers(x, start), case=f"x = {spelled(x)}, start={start}", atol=1e-3)


@grades(rotary.rotary_embedding)
def test_laws(rng):
    """the laws of every operation: calls, passes and memory do not get mixed up"""
    calls = (Call(rotary.rotary_embedding, [some(rng, *shape)]) for shape in ((2, 3, 4), (5, 2)))
    keeps_laws(*calls, tensor=laid, dtypes=("float16", "float32", "float64"))


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
        "positions begin at 1": (
            "torch.arange(start, start + x.shape[-2], device=x.device)",
            "torch.arange(start + 1, start + x.shape[-2] + 1, device=x.device)",
        ),
        "frequencies rise where they should fall": ("base ** (-torch", "base ** (torch"),
        "the exponent is i / D, half of what it should be": (
            "device=x.device) / half)",
            "device=x.device) / (2 * half))",
        ),
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
