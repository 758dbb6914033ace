"""What reparameterize must do."""

import math

import numpy as np

from upslope.blocks.generative import variational
from upslope.checks import grades, wrong
from upslope.checks.blocks.tensors import TorchOp, tensor
from upslope.checks.expect import close
from upslope.checks.samples import some

# Of mean and log-variance; in front of it what the noise has more.
SIZES = (((), (2,)), ((), (3, 2)), ((2,), (1, 2)), ((4,), (2, 3)), ((), (2, 2, 3)), ((5,), (4, 32)))

SAMPLE = TorchOp(
    variational.reparameterize,
    samples=lambda rng: [
        {"mean": some(rng, *shape), "log_variance": some(rng, *shape), "noise": some(rng, *more, *shape)}
        for more, shape in SIZES
    ],
    truth=lambda mean, log_variance, noise: mean + np.sqrt(np.exp(log_variance)) * noise,
)

test_shape_and_dtype = SAMPLE.shape("a sample for each noise vector, in the dtype that came")
test_by_hand = SAMPLE.by_hand(
    "mean 1, log_variance ln 4 and noise 1.5 give 4",
    ({"mean": [1.0], "log_variance": [math.log(4)], "noise": [1.5]}, [4], [1], {"mean": [1], "log_variance": [1.5]}),
)
test_random = SAMPLE.random("random numbers: the root of the variance times the noise, and the mean")


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


test_gradient = SAMPLE.gradient(
    "gradients of mean and log_variance agree with finite differences; nothing is changed in place"
)
test_laws = SAMPLE.laws("the laws of every operation: calls, passes and memory do not get mixed up")


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
