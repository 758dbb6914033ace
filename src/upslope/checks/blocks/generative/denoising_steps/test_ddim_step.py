"""What ddim_step must do."""

import math
from functools import partial

import numpy as np
import torch

from upslope.blocks.generative import denoising_steps
from upslope.checks import grades, wrong
from upslope.checks.blocks.tensors import TorchOp, tensor
from upslope.checks.expect import close, raises
from upslope.checks.samples import some

SIZES = ((1, 1), (2, 3), (2, 1, 3, 2), (3, 4))


def levels(rng):
    """Before and after a step, with two digits."""
    before, after = sorted(rng.choice(np.arange(5, 96), 2, replace=False) / 100)
    return {"alpha_bar": float(before), "alpha_bar_after": float(after)}


def drawn(rng, sizes=SIZES, **settings):
    for size in sizes:
        yield {"x": some(rng, *size), "image": some(rng, *size), **levels(rng), **settings}


def with_chance(rng):
    for eta in (0.4, 1.0):
        for sample in drawn(rng, eta=eta):
            yield {**sample, "fresh": some(rng, *sample["x"].shape)}


def number_by_number(x, image, alpha_bar, alpha_bar_after, eta=0.0, fresh=None):
    """Equation 12 with the spread of equation 16, for each number by itself."""
    out, a, b = np.zeros_like(x), alpha_bar, alpha_bar_after
    spread = eta * math.sqrt((1 - b) / (1 - a) * (1 - a / b))
    for place in np.ndindex(*x.shape):
        noise = (x[place] - math.sqrt(a) * image[place]) / math.sqrt(1 - a)
        drawn_now = 0.0 if fresh is None else float(fresh[place])
        out[place] = math.sqrt(b) * image[place] + math.sqrt(1 - b - spread * spread) * noise + spread * drawn_now
    return out


STEP = TorchOp(denoising_steps.ddim_step, samples=drawn, truth=number_by_number)
HAND = {"x": np.array([[1.0]]), "image": np.array([[0.5]]), "alpha_bar": 0.36, "alpha_bar_after": 0.64}

test_shape = STEP.shape("the shape and the dtype of x")
test_by_hand = STEP.by_hand(
    "x 1 and image 0.5, from 0.36 to 0.64: the noise is 0.875, and the result 0.4 + 0.525 = 0.925", (HAND, [[0.925]])
)
test_random = STEP.random("without chance: other images, and other levels")
test_chance = STEP.random("with eta: less of the noise that was there, and fresh noise for it", with_chance)


@grades(denoising_steps.ddim_step)
def test_exact(rng):
    """if the image is right, x comes out at the next level with the very noise that was in it"""
    image, noise = tensor(some(rng, 2, 5)), tensor(some(rng, 2, 5))
    step = levels(rng)
    a, b = step.values()
    x = math.sqrt(a) * image + math.sqrt(1 - a) * noise
    got = denoising_steps.ddim_step(x, image, **step)
    close(got, math.sqrt(b) * image + math.sqrt(1 - b) * noise, case=f"from {a:g} to {b:g}, x with noise of its own")


@grades(denoising_steps.ddim_step)
def test_last(rng):
    """the last step, to 1, gives the image, with and without eta; one can begin at 0, where x is noise"""
    x, image, fresh = (tensor(some(rng, 2, 3)) for _ in range(3))
    for eta in (0.0, 0.7, 1.0):
        got = denoising_steps.ddim_step(x, image, alpha_bar=0.3, alpha_bar_after=1.0, eta=eta, fresh=fresh)
        close(got, image, case=f"from 0.3 to 1, eta={eta:g}")
    for after in (0.1, 0.35, 0.7, 0.95):
        got = denoising_steps.ddim_step(x, image, alpha_bar=0.0, alpha_bar_after=after, eta=1.0, fresh=fresh)
        wanted = math.sqrt(after) * image + math.sqrt(1 - after) * fresh
        close(got, wanted, case=f"from 0 to {after:g}, eta=1: all noise is fresh", atol=1e-6)


@grades(denoising_steps.ddim_step)
def test_takes_no_chance(rng):
    """with eta 0 `fresh` is not looked at, even where it holds nan"""
    x, image = (tensor(some(rng, 2, 3)) for _ in range(2))
    step = levels(rng)
    alone = denoising_steps.ddim_step(x, image, **step)
    got = denoising_steps.ddim_step(x, image, **step, fresh=torch.full_like(x, math.nan))
    close(got, alone.detach().numpy(), case="eta=0, fresh of nan")


@grades(denoising_steps.ddim_step)
def test_refuses(rng):
    """a step that adds noise, or stays where it is, raises a ValueError with both levels"""
    x = tensor(some(rng, 1, 2))
    for before, after in ((0.64, 0.36), (0.5, 0.5), (-0.1, 0.5), (0.5, 1.1)):
        call = partial(denoising_steps.ddim_step, x, x, alpha_bar=before, alpha_bar_after=after)
        raises(ValueError, call, case=f"from {before:g} to {after:g}", says=[f"from {before:g} to {after:g}"])


test_gradient = STEP.gradient("the gradients of x and image agree with finite differences", wanted=("x", "image"))
test_large = STEP.large("images of 28 x 28", lambda rng: drawn(rng, ((4, 1, 28, 28),)))
test_laws = STEP.laws("calls, passes and memory do not get mixed up")


wrong(
    denoising_steps.ddim_step,
    {
        "the noise is not brought to variance 1": ("* image) / math.sqrt(1 - alpha_bar)", "* image)"),
        "the whole image is taken out of x, not the part that is in it": (
            "x - math.sqrt(alpha_bar) * image",
            "x - image",
        ),
        "the image is scaled by the level, a variance, and not by its root": (
            "moved = math.sqrt(alpha_bar_after) * image",
            "moved = alpha_bar_after * image",
        ),
        "the image is scaled for the level where the step begins": (
            "moved = math.sqrt(alpha_bar_after) * image",
            "moved = math.sqrt(alpha_bar) * image",
        ),
        "fresh noise comes on top of all the noise that was there": (
            "- alpha_bar_after - spread**2",
            "- alpha_bar_after",
        ),
        "as much fresh noise as in DDPM, whatever eta says": ("spread = eta * math", "spread = bool(eta) * math"),
        "the spread of the fresh noise lacks a root": (
            "* math.sqrt(1 - alpha_bar / alpha_bar_after)",
            "* (1 - alpha_bar / alpha_bar_after)",
        ),
        "a step back into more noise is taken in silence": (
            "if not 0 <= alpha_bar < alpha_bar_after <= 1:",
            "if not 0 <= alpha_bar <= 1 or not 0 <= alpha_bar_after <= 1:",
        ),
        "fresh noise is looked at where none is wanted, and 0 times nan is nan": (
            "if fresh is None or not spread else",
            "if fresh is None else",
        ),
        "the noise that was there is cut from the graph": ("+ kept * noise", "+ kept * noise.detach()"),
        "the result is a double, whatever x is": ("* image + kept * noise", "* image.double() + kept * noise"),
    },
)
