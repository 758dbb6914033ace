"""What time_embedding must do."""

import math
from functools import partial

import numpy as np
import torch

from upslope.blocks.generative import time_embedding as module
from upslope.checks import grades, wrong
from upslope.checks.expect import close, raises, tensor_of

SIZES = ((1, 4), (3, 6), (2, 8), (5, 10))


def one_by_one(step, dim, longest=10_000.0):
    """Each number by itself, in Python's own floats."""
    half = dim // 2
    out = np.zeros((len(step), dim))
    for row, i in np.ndindex(len(step), half):
        angle = float(step[row]) * longest ** (-i / (half - 1))
        out[row, i], out[row, half + i] = math.sin(angle), math.cos(angle)
    return out


def words(step, dim, **more):
    said = "".join(f", {name}={value:g}" for name, value in more.items())
    return f"time_embedding({list(step)}, {dim}{said})"


def steps(rng, count):
    return rng.integers(0, 20, count).tolist()


@grades(module.time_embedding)
def test_shape_and_dtype(rng):
    """a row for each step, dim numbers in it, all float32"""
    for count, dim in SIZES:
        step = steps(rng, count)
        got = module.time_embedding(torch.tensor(step), dim)
        tensor_of(got, (count, dim), dtype="float32", case=words(step, dim))


@grades(module.time_embedding)
def test_by_hand(rng):
    """step 2 and dim 4: [sin 2, sin 0.0002, cos 2, cos 0.0002]"""
    wanted = [[math.sin(2), math.sin(0.0002), math.cos(2), math.cos(0.0002)]]
    close(module.time_embedding(torch.tensor([2]), 4), wanted, case=words([2], 4))


@grades(module.time_embedding)
def test_step_zero(rng):
    """step 0 has the angle 0 everywhere: zeros, then ones"""
    for dim in (4, 6, 10):
        got = module.time_embedding(torch.tensor([0]), dim)
        close(got, [[0] * (dim // 2) + [1] * (dim // 2)], case=words([0], dim))


@grades(module.time_embedding)
def test_random(rng):
    """other steps and sizes: each number by itself"""
    for count, dim in (*SIZES, (4, 2 * int(rng.integers(2, 12)))):
        step = steps(rng, count)
        got = module.time_embedding(torch.tensor(step), dim)
        close(got, one_by_one(step, dim), case=words(step, dim), atol=1e-5)


@grades(module.time_embedding)
def test_ends(rng):
    """the first frequency is 1, the last one is 1 / longest, for any dim"""
    for dim in (4, 6, 16):
        got = module.time_embedding(torch.tensor([1]), dim)[0]
        case = f"{words([1], dim)}[0], the first and the last sine"
        close(got[[0, dim // 2 - 1]], [math.sin(1), math.sin(1e-4)], case=case)


@grades(module.time_embedding)
def test_longest(rng):
    """another longest has other frequencies"""
    for longest in (10.0, 1000.0, float(rng.integers(3, 50))):
        step = steps(rng, 3)
        got = module.time_embedding(torch.tensor(step), 8, longest=longest)
        close(got, one_by_one(step, 8, longest), case=words(step, 8, longest=longest), atol=1e-5)


@grades(module.time_embedding)
def test_between(rng):
    """steps may lie between whole numbers"""
    step = (rng.integers(0, 10, 3) + rng.choice([0.25, 0.5, 0.75], 3)).tolist()
    close(module.time_embedding(torch.tensor(step), 6), one_by_one(step, 6), case=words(step, 6), atol=1e-5)


@grades(module.time_embedding)
def test_large(rng):
    """steps up to 999 and 128 numbers, where the slow half has hardly moved"""
    step = [0, 1, 500, 999]
    close(module.time_embedding(torch.tensor(step), 128), one_by_one(step, 128), case=words(step, 128), atol=1e-3)


@grades(module.time_embedding)
def test_refuses(rng):
    """an odd dim, or one below 4, raises a ValueError that names it"""
    for dim in (5, 2, 1, 7):
        call = partial(module.time_embedding, torch.tensor([1]), dim)
        raises(ValueError, call, case=words([1], dim), says=[f"dim={dim}"])


wrong(
    module.time_embedding,
    {
        "sines and cosines take turns, as positions of a transformer have them": (
            "torch.cat([angles.sin(), angles.cos()], dim=1)",
            "torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)",
        ),
        "the cosines stand in front of the sines": ("[angles.sin(), angles.cos()]", "[angles.cos(), angles.sin()]"),
        "the row of frequencies ends before 1 / longest is reached": (
            "torch.linspace(0, 1, half, device=step.device)",
            "torch.linspace(0, 1, half + 1, device=step.device)[:-1]",
        ),
        "frequencies rise where they should fall": ("longest**-place", "longest**place"),
        "frequencies fall evenly, not by a constant factor": (
            "longest**-place",
            "1 - place * (1 - 1 / longest)",
        ),
        "longest is always 10,000": ("frequencies = longest**", "frequencies = 10_000.0**"),
        "steps are cut to whole numbers": ("step.float()", "step.long().float()"),
        "dim 2 is let pass, and 0 / 0 gives nan": ("or half < 2", "or half < 1"),
        "the result is float64": ("angles.cos()], dim=1)", "angles.cos()], dim=1).double()"),
    },
)
