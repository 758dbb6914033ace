"""What ddpm_step must do."""

import math
from functools import partial

import numpy as np

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


def drawn(rng, sizes=SIZES):
    for size in sizes:
        yield {"x": some(rng, *size), "image": some(rng, *size), **levels(rng), "fresh": some(rng, *size)}


def by_bayes(x, image, alpha_bar, alpha_bar_after, fresh):
    """Two Gaussians multiplied, number by number: what the image says of x before its last noise, and what x says."""
    out, a, b = np.zeros_like(x), alpha_bar, alpha_bar_after
    kept = math.sqrt(a / b)
    for place in np.ndindex(*x.shape):
        precision = 1 / (1 - b) + kept**2 / (1 - a / b)
        pull = math.sqrt(b) * image[place] / (1 - b) + kept * x[place] / (1 - a / b)
        out[place] = pull / precision + fresh[place] / math.sqrt(precision)
    return out


STEP = TorchOp(denoising_steps.ddpm_step, samples=drawn, truth=by_bayes)
HAND = {
    "x": np.array([[1.0]]),
    "image": np.array([[0.5]]),
    "alpha_bar": 0.36,
    "alpha_bar_after": 0.64,
    "fresh": np.array([[1.0]]),
}
# Exactly: 0.546875 * 0.5 + 0.421875 * 1 + sqrt(0.24609375).
RESULT = 0.6953125 + math.sqrt(0.24609375)

test_shape = STEP.shape("the shape and the dtype of x")
test_by_hand = STEP.by_hand(
    "x 1 and image 0.5, from 0.36 to 0.64: the mean is 0.6953, the deviation 0.4961, together 1.1914",
    (HAND, [[RESULT]]),
)
test_random = STEP.random("other images, other levels, other noise")


@grades(denoising_steps.ddpm_step)
def test_variance(rng):
    """x comes out at the next level: the old noise and the fresh one make the variance 1 - b"""
    image, noise = tensor(some(rng, 2, 5)), tensor(np.ones((2, 5)))
    step = levels(rng)
    a, b = step.values()

    def out(of_noise, of_fresh):
        x = math.sqrt(a) * image + math.sqrt(1 - a) * of_noise * noise
        return denoising_steps.ddpm_step(x, image, **step, fresh=of_fresh * noise) - math.sqrt(b) * image

    case = f"from {a:g} to {b:g}, what is left beside sqrt(b) * image"
    close(out(0, 0), np.zeros((2, 5)), case=f"{case}, without any noise")
    close(out(1, 0) ** 2 + out(0, 1) ** 2, np.full((2, 5), 1 - b), case=f"{case}: the variance")


@grades(denoising_steps.ddpm_step)
def test_ends(rng):
    """the last step, to 1, gives the image; from 0, where x is noise alone, nothing of x is kept"""
    x, image, fresh = (tensor(some(rng, 2, 3)) for _ in range(3))
    got = denoising_steps.ddpm_step(x, image, alpha_bar=0.3, alpha_bar_after=1.0, fresh=fresh)
    close(got, image, case="from 0.3 to 1")
    for after in (0.1, 0.7):
        got = denoising_steps.ddpm_step(x, image, alpha_bar=0.0, alpha_bar_after=after, fresh=fresh)
        wanted = math.sqrt(after) * image + math.sqrt(1 - after) * fresh
        close(got, wanted, case=f"from 0 to {after:g}: all noise is fresh")


@grades(denoising_steps.ddpm_step)
def test_refuses(rng):
    """a step that adds noise, or stays where it is, raises a ValueError with both levels"""
    x = tensor(some(rng, 1, 2))
    for before, after in ((0.64, 0.36), (0.5, 0.5), (-0.1, 0.5), (0.5, 1.1)):
        call = partial(denoising_steps.ddpm_step, x, x, alpha_bar=before, alpha_bar_after=after, fresh=x)
        raises(ValueError, call, case=f"from {before:g} to {after:g}", says=[f"from {before:g} to {after:g}"])


test_gradient = STEP.gradient("the gradients of x and image agree with finite differences", wanted=("x", "image"))
test_large = STEP.large("images of 28 x 28", lambda rng: drawn(rng, ((4, 1, 28, 28),)))
test_laws = STEP.laws("calls, passes and memory do not get mixed up")


wrong(
    denoising_steps.ddpm_step,
    {
        "fresh noise is scaled by the variance, not by its root": (
            "spread = math.sqrt(beta * after / before)",
            "spread = beta * after / before",
        ),
        "the variance is beta, as if the image were not known": ("math.sqrt(beta * after / before)", "math.sqrt(beta)"),
        "image and x have changed places": ("of_image * image + of_x * x", "of_x * image + of_image * x"),
        "beta is the difference of the two levels": (
            "beta = 1 - alpha_bar / alpha_bar_after",
            "beta = alpha_bar_after - alpha_bar",
        ),
        "the image is scaled for the level where the step begins": (
            "of_image = math.sqrt(alpha_bar_after)",
            "of_image = math.sqrt(alpha_bar)",
        ),
        "the weight of x lacks a root": (
            "of_x = math.sqrt(alpha_bar / alpha_bar_after)",
            "of_x = alpha_bar / alpha_bar_after",
        ),
        "the mean alone comes back: nothing is drawn": ("of_x * x + spread * fresh", "of_x * x"),
        "noise is drawn here, and not the caller's taken": ("spread * fresh", "spread * fresh.clone().normal_()"),
        "a step back into more noise is taken in silence": (
            "if not 0 <= alpha_bar < alpha_bar_after <= 1:",
            "if not 0 <= alpha_bar <= 1 or not 0 <= alpha_bar_after <= 1:",
        ),
        "the image is cut from the graph": ("of_image * image", "of_image * image.detach()"),
        "the result is a double, whatever x is": ("of_image * image", "of_image * image.double()"),
    },
)
