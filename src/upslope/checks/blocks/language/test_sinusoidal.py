"""What sinusoidal_positions must do."""

import math
from functools import partial

import numpy as np

from upslope.blocks.language import sinusoidal
from upslope.checks import grades, wrong
from upslope.checks.expect import close, raises, tensor_of

SIZES = ((1, 2), (3, 4), (5, 6), (4, 10))


def one_by_one(length, dim, base=10_000.0):
    """Each number by itself, in Python's own floats."""
    out = np.zeros((length, dim))
    for t, i in np.ndindex(length, dim // 2):
        angle = t / base ** (2 * i / dim)
        out[t, 2 * i], out[t, 2 * i + 1] = math.sin(angle), math.cos(angle)
    return out


def words(length, dim, **more):
    said = "".join(f", {name}={value:g}" for name, value in more.items())
    return f"sinusoidal_positions({length}, {dim}{said})"


@grades(sinusoidal.sinusoidal_positions)
def test_shape_and_dtype(rng):
    """a row for each position, dim numbers in it, all float32; no positions are no rows"""
    for length, dim in (*SIZES, (0, 4), (7, 2)):
        got = sinusoidal.sinusoidal_positions(length, dim)
        tensor_of(got, (length, dim), dtype="float32", case=words(length, dim))


@grades(sinusoidal.sinusoidal_positions)
def test_by_hand(rng):
    """sinusoidal_positions(2, 2) is [[0, 1], [0.8415, 0.5403]]"""
    close(sinusoidal.sinusoidal_positions(2, 2), [[0, 1], [math.sin(1), math.cos(1)]], case=words(2, 2))


@grades(sinusoidal.sinusoidal_positions)
def test_first_row(rng):
    """position 0 has the angle 0 in every pair: 0, 1, 0, 1, ..."""
    for dim in (2, 6, 8):
        got = sinusoidal.sinusoidal_positions(3, dim)[0]
        close(got, [0, 1] * (dim // 2), case=f"{words(3, dim)}[0]")


@grades(sinusoidal.sinusoidal_positions)
def test_random(rng):
    """other sizes: each number of the table by itself"""
    for length, dim in (*SIZES, (int(rng.integers(5, 9)), 2 * int(rng.integers(2, 9)))):
        close(sinusoidal.sinusoidal_positions(length, dim), one_by_one(length, dim), case=words(length, dim), atol=1e-5)


@grades(sinusoidal.sinusoidal_positions)
def test_base(rng):
    """another base has other wavelengths"""
    for base in (2.0, 100.0, float(rng.integers(3, 50))):
        got = sinusoidal.sinusoidal_positions(6, 6, base=base)
        close(got, one_by_one(6, 6, base), case=words(6, 6, base=base), atol=1e-5)


@grades(sinusoidal.sinusoidal_positions)
def test_large(rng):
    """500 positions of 64 features, where the slowest pair has moved by a few hundredths of a radian"""
    close(sinusoidal.sinusoidal_positions(500, 64), one_by_one(500, 64), case=words(500, 64), atol=1e-3)


@grades(sinusoidal.sinusoidal_positions)
def test_relative(rng):
    """the product of two rows depends on how far apart they stand, not on where"""
    rows, distance = sinusoidal.sinusoidal_positions(40, 8).double(), int(rng.integers(1, 9))
    products = (rows[distance:] * rows[:-distance]).sum(dim=-1)
    wanted = math.fsum(math.cos(distance / 10_000 ** (2 * i / 8)) for i in range(4))
    case = f"rows of {words(40, 8)} that stand {distance} apart, multiplied and summed"
    close(products, np.full(40 - distance, wanted), case=case, atol=1e-4)


@grades(sinusoidal.sinusoidal_positions)
def test_refuses(rng):
    """an odd dim raises a ValueError that names it"""
    for dim in (1, 5):
        raises(ValueError, partial(sinusoidal.sinusoidal_positions, 3, dim), case=words(3, dim), says=[f"dim={dim}"])


wrong(
    sinusoidal.sinusoidal_positions,
    {
        "all sines stand in the first half of a row and all cosines in the second": (
            "torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)",
            "torch.cat([angles.sin(), angles.cos()], dim=-1)",
        ),
        "each cosine stands in front of its sine": ("[angles.sin(), angles.cos()]", "[angles.cos(), angles.sin()]"),
        "positions are counted from 1": (
            "torch.arange(length, device=device)",
            "torch.arange(1, length + 1, device=device)",
        ),
        "the exponent grows by one pair too little: the frequencies fall half as fast": (
            "device=device) / dim)",
            "device=device) / (2 * dim))",
        ),
        "frequencies rise where they should fall": ("base ** (-torch", "base ** (torch"),
        "the base is always 10,000": ("= base ** (", "= 10_000.0 ** ("),
        "an odd dim gets one number more than was asked for": ("if dim % 2:", "if dim % 2 and dim < 0:"),
        "the table is float64, which turns all that is added to it into float64": (
            ".flatten(1)",
            ".flatten(1).double()",
        ),
    },
)
