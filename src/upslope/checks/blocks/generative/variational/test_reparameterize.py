"""What reparameterize must do."""

import math

import numpy as np
import torch

from upslope.blocks.generative import variational
from upslope.checks import grades, wrong
from upslope.checks.blocks.tensors import gradients, tensor
from upslope.checks.expect import close, tensor_of
from upslope.checks.samples import some, spelled

# Of mean and log-variance; in front of it what the noise has more.
SIZES = (((), (2,)), ((), (3, 2)), ((4,), (2, 3)), ((2,), (1, 2)), ((), (2, 2, 3)))


def drawn(rng, more, shape):
    """Random means, log-variances and noise, and the call in words."""
    mean, log_variance, noise = some(rng, *shape), some(rng, *shape), some(rng, *more, *shape)
    case = f"mean {spelled(mean)}, log_variance {spelled(log_variance)}, noise {spelled(noise)}"
    return {"mean": mean, "log_variance": log_variance, "noise": noise}, case


@grades(variational.reparameterize)
def test_shape_and_dtype(rng):
    """a sample for each noise vector, in the dtype that came"""
    for dtype in (torch.float32, torch.float64):
        for more, shape in SIZES:
            mean, noise = torch.zeros(shape, dtype=dtype), torch.zeros(*more, *shape, dtype=dtype)
            out = variational.reparameterize(mean, mean.clone(), noise)
            case = f"mean, log_variance, noise of shapes {shape}, {shape}, {(*more, *shape)}"
            tensor_of(out, (*more, *shape), dtype=str(dtype).removeprefix("torch."), case=case)


@grades(variational.reparameterize)
def test_by_hand(rng):
    """mean 1, log_variance ln 4 and noise 1.5 give 4"""
    got = variational.reparameterize(tensor([1.0]), tensor([math.log(4)]), tensor([1.5]))
    close(got, [4.0], case="mean [1], log_variance [ln 4], noise [1.5]")


@grades(variational.reparameterize)
def test_random(rng):
    """random numbers: each sample by Python's math, one by one"""
    for more, shape in SIZES:
        given, case = drawn(rng, more, shape)
        arrays = np.broadcast_arrays(given["mean"], given["log_variance"], given["noise"])
        each = [m + math.sqrt(math.exp(v)) * e for m, v, e in zip(*(a.flat for a in arrays), strict=True)]
        got = variational.reparameterize(*map(tensor, given.values()))
        close(got, np.reshape(each, arrays[2].shape), case=case)


@grades(variational.reparameterize)
def test_distribution(rng):
    """over many noise vectors the samples have that mean and that variance"""
    mean, log_variance = np.array([-1.0, 2.0]), np.array([math.log(0.25), math.log(9.0)])
    noise = rng.normal(size=(5000, 2))
    noise = (noise - noise.mean(axis=0)) / noise.std(axis=0)  # standard to the last digit, so that the law is, too
    z = variational.reparameterize(tensor(mean), tensor(log_variance), tensor(noise)).detach()
    case = "5,000 samples with mean [-1, 2], log_variance [ln 0.25, ln 9]"
    close(z.mean(dim=0), mean, case=f"{case}: their mean")
    close(z.var(dim=0, unbiased=False), [0.25, 9.0], case=f"{case}: their variance")


@grades(variational.reparameterize)
def test_gradient(rng):
    """gradients of mean and log_variance agree with finite differences; nothing is changed in place"""
    for more, shape in SIZES[:4]:
        given, case = drawn(rng, more, shape)
        gradients(variational.reparameterize, given, rng=rng, case=case)


wrong(
    variational.reparameterize,
    {
        "the noise is multiplied by the variance, not by the standard deviation": (
            "(0.5 * log_variance).exp()",
            "log_variance.exp()",
        ),
        "log_variance is used as the variance itself, and its size as its root": (
            "(0.5 * log_variance).exp()",
            "log_variance.abs().sqrt()",
        ),
        "the noise is not scaled": ("deviation * noise", "noise"),
        "the mean is what comes back, without noise": (
            "mean + deviation * noise",
            "mean.expand_as(noise) + 0 * deviation",
        ),
        "the mean is scaled together with the noise": ("mean + deviation * noise", "deviation * (mean + noise)"),
        "new noise is drawn, and the noise that came is not used": (
            "deviation * noise",
            "deviation * noise.new_empty(noise.shape).normal_()",
        ),
        "the sample is cut from the graph, as torch.normal would": (
            "return mean + deviation * noise",
            "return (mean + deviation * noise).detach()",
        ),
        "no gradient reaches log_variance: the deviation is cut from the graph": (
            "deviation * noise",
            "deviation.detach() * noise",
        ),
        "the result is a double, whatever the mean is": (
            "return mean + deviation * noise",
            "return (mean + deviation * noise).double()",
        ),
    },
)
