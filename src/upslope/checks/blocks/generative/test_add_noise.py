"""What add_noise must do."""

import math

import numpy as np
import torch

from upslope.blocks.generative import add_noise as module
from upslope.checks import grades, wrong
from upslope.checks.blocks.tensors import TorchOp, tensor
from upslope.checks.expect import close, tensor_of
from upslope.checks.samples import some

# Of a batch; as many samples as numbers in a row, and not.
SIZES = ((1, 2), (3, 3), (2, 3, 2), (2, 1, 3, 3), (4, 5))


def falling(rng, count):
    """Levels of noise from nearly 1 to nearly 0, with two digits."""
    return np.sort(rng.choice(np.arange(5, 96), count, replace=False) / 100)[::-1].copy()


def drawn(rng, sizes=SIZES, steps=6):
    for size in sizes:
        step = rng.permutation(np.arange(size[0]) % (steps - 1) + 1)  # different ones, and not only the first
        yield {"x": some(rng, *size), "noise": some(rng, *size), "step": step, "alpha_bars": falling(rng, steps)}


def one_by_one(x, noise, step, alpha_bars):
    out = np.zeros_like(x)
    for number, t in enumerate(step.tolist()):
        level = float(alpha_bars[t])
        out[number] = math.sqrt(level) * x[number] + math.sqrt(1 - level) * noise[number]
    return out


NOISE = TorchOp(module.add_noise, samples=drawn, truth=one_by_one)

test_shape = NOISE.shape("the shape and the dtype of x")
test_by_hand = NOISE.by_hand(
    "step 1 of [0.64, 0.36]: 2 and the noise -1 become 0.6 * 2 - 0.8 = 0.4",
    (
        {
            "x": np.array([[2.0]]),
            "noise": np.array([[-1.0]]),
            "step": np.array([1]),
            "alpha_bars": np.array([0.64, 0.36]),
        },
        [[0.4]],
    ),
)
test_ends = NOISE.by_hand(
    "a level of 1 leaves x as it is, a level of 0 leaves the noise and nothing else",
    (
        {
            "x": np.array([[2.0], [2.0]]),
            "noise": np.array([[-1.0], [-1.0]]),
            "step": np.array([0, 1]),
            "alpha_bars": np.array([1.0, 0.0]),
        },
        [[2.0], [-1.0]],
    ),
)
test_random = NOISE.random("each sample at a step of its own, whatever the shape of a sample is")


@grades(module.add_noise)
def test_variance(rng):
    """if x and the noise have variance 1, what comes out has variance 1 at every step"""
    x, noise = (rng.normal(size=2000) for _ in range(2))
    x = (x - x.mean()) / x.std()
    noise = noise - noise.mean() - x * (noise * x).mean()  # no trace of x in it
    noise = noise / noise.std()
    levels = falling(rng, 4)
    clean, drawn_noise = (tensor(np.tile(part, (4, 1))) for part in (x, noise))
    got = module.add_noise(clean, drawn_noise, torch.arange(4), tensor(levels))
    close(got.var(dim=1, unbiased=False), np.ones(4), case=f"alpha_bars {levels.tolist()}: the variance at each step")


@grades(module.add_noise)
def test_keeps_dtype(rng):
    """x in float32 stays float32, also where alpha_bars is float64"""
    for size in ((2, 3), (2, 1, 3, 3)):
        x, noise = (tensor(some(rng, *size), torch.float32) for _ in range(2))
        got = module.add_noise(x, noise, torch.tensor([0, 2]), tensor(falling(rng, 3)))
        tensor_of(got, size, dtype="float32", case=f"x of {list(size)} in float32, alpha_bars in float64")


test_gradient = NOISE.gradient("the gradients of x and noise agree with finite differences", wanted=("x", "noise"))
test_large = NOISE.large(
    "images of 28 x 28 at some of 1,000 steps", lambda rng: drawn(rng, ((6, 1, 28, 28),), steps=60)
)
test_laws = NOISE.laws("calls, passes and memory do not get mixed up")


wrong(
    module.add_noise,
    {
        "the noise is scaled by 1 - alpha_bar, a variance, and not by its root": (
            "(1 - kept).sqrt().to(x.dtype) * noise",
            "(1 - kept).to(x.dtype) * noise",
        ),
        "the image is scaled by alpha_bar, a variance, and not by its root": ("return kept.sqrt()", "return kept"),
        "image and noise have changed places: the first step is nearly all noise": (
            "kept.sqrt().to(x.dtype) * x + (1 - kept).sqrt().to(x.dtype) * noise",
            "kept.sqrt().to(x.dtype) * noise + (1 - kept).sqrt().to(x.dtype) * x",
        ),
        "the whole batch is at the step of its first sample": (
            "kept = alpha_bars[step]",
            "kept = alpha_bars[step[:1]]",
        ),
        "steps are counted from 1, and each sample is one step too early": (
            "kept = alpha_bars[step]",
            "kept = alpha_bars[step - 1]",
        ),
        "the factors run along the last axis of x, not along the batch": (
            "kept.reshape(-1, *[1] * (x.ndim - 1))",
            "kept",
        ),
        "the noise is taken away where it should be added": ("* x + (1 - kept)", "* x - (1 - kept)"),
        "what comes out is float64 where alpha_bars is": ("(1 - kept).sqrt().to(x.dtype)", "(1 - kept).sqrt()"),
        "both are cut from the graph: no gradient goes back": (
            "return kept.sqrt().to(x.dtype) * x + (1 - kept).sqrt().to(x.dtype) * noise",
            "return (kept.sqrt().to(x.dtype) * x + (1 - kept).sqrt().to(x.dtype) * noise).detach()",
        ),
    },
)
