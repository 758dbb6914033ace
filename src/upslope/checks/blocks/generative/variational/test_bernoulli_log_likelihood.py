"""What bernoulli_log_likelihood must do."""

import math
from functools import partial

import torch
from torch.distributions import Bernoulli

from upslope.blocks.generative import variational
from upslope.checks import grades, wrong
from upslope.checks.blocks.tensors import gradients, laid, leaf, tensor
from upslope.checks.expect import close, tensor_of, true
from upslope.checks.laws import Call, keeps_laws
from upslope.checks.samples import some, spelled

# Of the pixels; in front of it what the logits have more.
SIZES = (((), (1,)), ((), (3,)), ((), (2, 3)), ((3,), (2, 2)), ((2,), (1, 4)))


def drawn(rng, more, shape):
    """Random logits and pixels, and the call in words."""
    logits, x = some(rng, *more, *shape, spread=2), rng.integers(0, 2, shape).astype(float)
    return logits, x, f"logits {spelled(logits)}, x {spelled(x)}"


def log_likelihood(logits, x):
    """The answer, from arrays."""
    return variational.bernoulli_log_likelihood(tensor(logits), tensor(x))


@grades(variational.bernoulli_log_likelihood)
def test_shape_and_dtype(rng):
    """one number for each row of logits, in the dtype that came"""
    for dtype in (torch.float32, torch.float64):
        for more, shape in SIZES:
            logits, x = torch.zeros(*more, *shape, dtype=dtype), torch.zeros(shape, dtype=dtype)
            case = f"logits, x of shapes {(*more, *shape)}, {shape}"
            out = variational.bernoulli_log_likelihood(logits, x)
            tensor_of(out, (*more, *shape[:-1]), dtype=str(dtype).removeprefix("torch."), case=case)


@grades(variational.bernoulli_log_likelihood)
def test_by_hand(rng):
    """logits [0, ln 3] and x = [1, 0] give ln 0.5 + ln 0.25 = -2.0794"""
    case = "logits [0, ln 3], x [1, 0]"
    close(log_likelihood([0.0, math.log(3)], [1.0, 0.0]), math.log(0.5) + math.log(0.25), case=case)


@grades(variational.bernoulli_log_likelihood)
def test_random(rng):
    """random logits: the log-probability that torch.distributions gives, summed over the pixels"""
    for more, shape in SIZES:
        logits, x, case = drawn(rng, more, shape)
        expected = Bernoulli(logits=tensor(logits)).log_prob(tensor(x).expand(*more, *shape)).sum(dim=-1)
        close(log_likelihood(logits, x), expected, case=case)


@grades(variational.bernoulli_log_likelihood)
def test_all_images(rng):
    """the probabilities of all images of three pixels sum to 1"""
    logits = some(rng, 3, spread=2)
    images = [[float(number >> bit & 1) for bit in range(3)] for number in range(8)]
    total = log_likelihood([logits] * 8, images).exp().sum()
    close(total, 1.0, case=f"logits {spelled(logits)}, the 8 images of 3 pixels: the sum of their probabilities")


@grades(variational.bernoulli_log_likelihood)
def test_gradient(rng):
    """the gradient of the logits agrees with finite differences"""
    for more, shape in SIZES:
        logits, x, case = drawn(rng, more, shape)
        f = partial(variational.bernoulli_log_likelihood, x=tensor(x))
        gradients(f, {"logits": logits}, rng=rng, case=case)


@grades(variational.bernoulli_log_likelihood)
def test_large(rng):
    """stable for large logits: value and gradient stay finite"""
    for dtype in (torch.float32, torch.float64):
        logits = leaf([[1000.0, -1000.0], [1000.0, -1000.0]]).detach().to(dtype).requires_grad_()
        x = torch.tensor([[1.0, 0.0], [0.0, 1.0]], dtype=dtype)
        case = "logits [[1000, -1000], [1000, -1000]], x [[1, 0], [0, 1]]"
        out = variational.bernoulli_log_likelihood(logits, x)
        close(out, [0.0, -2000.0], case=case)
        true(out.requires_grad, "the result does not know what it was made from", case=case)
        out.sum().backward()
        close(logits.grad, [[0.0, 0.0], [-1.0, 1.0]], case=f"{case}: gradient of logits")


@grades(variational.bernoulli_log_likelihood)
def test_laws(rng):
    """the laws of every operation: calls, passes and memory do not get mixed up"""
    calls = (Call(variational.bernoulli_log_likelihood, [some(rng, *s), rng.random(s)]) for s in ((2, 3), (4, 2)))
    keeps_laws(*calls, tensor=laid)


wrong(
    variational.bernoulli_log_likelihood,
    {
        "averaged over the pixels, where their logarithms add up": ("each.sum(dim=-1)", "each.mean(dim=-1)"),
        "summed over the batch, too": ("each.sum(dim=-1)", "each.sum()"),
        "this is the cross-entropy: the log-likelihood is its negative": ("return each", "return -each"),
        "pixels of 0 cost nothing": ("x * logits - F.softplus(logits)", "x * (logits - F.softplus(logits))"),
        "pixels of 1 and of 0 are swapped": ("x * logits", "(1 - x) * logits"),
        "logits are used as if they were probabilities already": (
            "x * logits - F.softplus(logits)",
            "x * logits.clamp(1e-6, 1 - 1e-6).log() + (1 - x) * (1 - logits.clamp(1e-6, 1 - 1e-6)).log()",
        ),
        "the logarithm is taken of probabilities that may have been rounded to 0 or 1": (
            "x * logits - F.softplus(logits)",
            "x * logits.sigmoid().log() + (1 - x) * (1 - logits.sigmoid()).log()",
        ),
        "exp of the logits themselves, which overflows where they are large": (
            "F.softplus(logits)",
            "(1 + logits.exp()).log()",
        ),
        "the squared error of a Gaussian, not the pixels' log-probability": (
            "x * logits - F.softplus(logits)",
            "-0.5 * (x - logits.sigmoid()).square()",
        ),
        "cut from the graph: no gradient goes back": ("return each.sum(dim=-1)", "return each.sum(dim=-1).detach()"),
    },
)
