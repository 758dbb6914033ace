"""What bernoulli_log_likelihood must do."""

import math

import numpy as np
from torch.distributions import Bernoulli

from upslope.blocks.generative import variational
from upslope.checks import grades, wrong
from upslope.checks.blocks.tensors import TorchOp, tensor
from upslope.checks.expect import close
from upslope.checks.samples import some, spelled

# Of the pixels; in front of it what the logits have more.
SIZES = (((), (1,)), ((), (3,)), ((), (2, 3)), ((3,), (2, 2)), ((2,), (1, 4)), ((), (2, 784)))


def one_by_one(logits, x):
    """log of the probability of each pixel as log1p of an exponential, which cannot overflow."""
    signed = np.where(np.broadcast_to(x, logits.shape) == 1, -logits, logits)
    return -(np.maximum(signed, 0) + np.log1p(np.exp(-np.abs(signed)))).sum(axis=-1)


PIXELS = TorchOp(
    variational.bernoulli_log_likelihood,
    samples=lambda rng: [
        {"logits": some(rng, *more, *shape, spread=2), "x": rng.integers(0, 2, shape).astype(float)}
        for more, shape in SIZES
    ],
    truth=one_by_one,
    peer=lambda logits, x: Bernoulli(logits=logits).log_prob(x.expand(logits.shape)).sum(dim=-1),
)

test_shape_and_dtype = PIXELS.shape("one number for each row of logits, in the dtype that came")
test_by_hand = PIXELS.by_hand(
    "logits [0, ln 3] and x = [1, 0] give ln 0.5 + ln 0.25 = -2.0794",
    ({"logits": [0.0, math.log(3)], "x": [1.0, 0.0]}, math.log(0.5) + math.log(0.25)),
)
test_random = PIXELS.random(
    "random logits: the log-probability that torch.distributions gives, summed over the pixels", atol=1e-4
)


@grades(variational.bernoulli_log_likelihood)
def test_all_images(rng):
    """the probabilities of all images of three pixels sum to 1"""
    logits = some(rng, 3, spread=2)
    images = [[float(number >> bit & 1) for bit in range(3)] for number in range(8)]
    total = variational.bernoulli_log_likelihood(tensor([logits] * 8), tensor(images)).exp().sum()
    close(total, 1.0, case=f"logits {spelled(logits)}, the 8 images of 3 pixels: the sum of their probabilities")


test_gradient = PIXELS.gradient("the gradient of the logits agrees with finite differences", wanted=["logits"])
test_large = PIXELS.stable(
    "stable for large logits: value and gradient stay finite",
    (
        {"logits": [[1000.0, -1000.0], [1000.0, -1000.0]], "x": [[1.0, 0.0], [0.0, 1.0]]},
        [0, -2000],
        [1, 1],
        {"logits": [[0, 0], [-1, 1]]},
    ),
    ({"logits": [[100.0], [-0.5]], "x": [[0.0], [1.0]]}, ...),
)
test_laws = PIXELS.laws(
    "the laws of every operation: calls, passes and memory do not get mixed up",
    lambda rng: [{"logits": some(rng, *s), "x": rng.random(s)} for s in ((2, 3), (4, 2))],
)


wrong(
    variational.bernoulli_log_likelihood,
    {
        "averaged over the pixels, where their logarithms add up": ("each.sum(dim=-1)", "each.mean(dim=-1)"),
        "summed over the batch, too": ("each.sum(dim=-1)", "each.sum()"),
        "this is the cross-entropy: the log-likelihood is its negative": ("return each", "return -each"),
        "pixels of 1 and of 0 are swapped": ("x * logits", "(1 - x) * logits"),
        "logits are used as if they were probabilities already": (
            "x * logits - F.softplus(logits)",
            "x * logits.clamp(1e-6, 1 - 1e-6).log() + (1 - x) * (1 - logits.clamp(1e-6, 1 - 1e-6)).log()",
        ),
        "the logarithm is taken of probabilities that may have been rounded to 0 or 1": (
            "x * logits - F.softplus(logits)",
            "x * logits.sigmoid().log() + (1 - x) * (1 - logits.sigmoid()).log()",
        ),
        "the squared error of a Gaussian, not the pixels' log-probability": (
            "x * logits - F.softplus(logits)",
            "-0.5 * (x - logits.sigmoid()).square()",
        ),
        "cut from the graph: no gradient goes back": ("return each.sum(dim=-1)", "return each.sum(dim=-1).detach()"),
    },
)
