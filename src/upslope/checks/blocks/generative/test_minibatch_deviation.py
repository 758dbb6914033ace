"""What minibatch_deviation must do."""

import math
from functools import partial

import numpy as np
import torch

from upslope.blocks.generative import minibatch_deviation as module
from upslope.checks import grades, wrong
from upslope.checks.blocks.tensors import TorchOp, laid
from upslope.checks.expect import close, true
from upslope.checks.samples import some

# The batch with channels and places, and the samples that are compared with one another.
SIZES = (((4, 3), 2), ((6, 2), 3), ((4, 2, 3), 4), ((8, 3, 2, 2), 4), ((5, 1, 2, 3), 0), ((6, 2, 2, 1), 1))


def drawn(rng, sizes=SIZES, **settings):
    for shape, group in sizes:
        yield {"x": some(rng, *shape), "group": group, **settings}


def sample_by_sample(x, group=0, epsilon=1e-8):
    """Group i holds samples i, M + i, 2 M + i, ...; everything is added up one by one."""
    size = group or len(x)
    count = len(x) // size
    channel = np.zeros((len(x), 1, *x.shape[2:]))
    for first in range(count):
        members = list(range(first, len(x), count))
        rows = [x[member].ravel().tolist() for member in members]
        deviations = []
        for values in zip(*rows, strict=True):
            mean = math.fsum(values) / size
            deviations.append(math.sqrt(math.fsum((v - mean) ** 2 for v in values) / size + epsilon))
        for member in members:
            channel[member] = math.fsum(deviations) / len(deviations)
    return np.concatenate([x, channel], axis=1)


DEVIATION = TorchOp(module.minibatch_deviation, samples=drawn, truth=sample_by_sample)

test_shape = DEVIATION.shape("x with one channel more, for points, rows and images")
test_by_hand = DEVIATION.by_hand(
    "two samples [1, 5] and [3, 5]: the deviations are 1 and 0, and the new channel 0.5",
    ({"x": [[1.0, 5.0], [3.0, 5.0]], "group": 2, "epsilon": 0.0625}, [[1, 5, 0.6403882], [3, 5, 0.6403882]]),
    ({"x": [[1.0, 5.0], [3.0, 5.0]], "epsilon": 1e-12}, [[1, 5, 0.5], [3, 5, 0.5]]),
)
test_dealt_out = DEVIATION.by_hand(
    "samples are dealt out: of four in groups of two, 0 and 2 are one, 1 and 3 the other",
    (
        {"x": [[0.0], [0.0], [2.0], [8.0]], "group": 2, "epsilon": 1e-12},
        [[0, 1], [0, 4], [2, 1], [8, 4]],
    ),
)
test_random = DEVIATION.random("random samples: sums one by one, in groups, and the whole batch as one group")
test_epsilon = DEVIATION.random("another epsilon", partial(drawn, epsilon=0.5))
test_gradient = DEVIATION.gradient("the gradient agrees with finite differences, through the new channel as well")
test_large = DEVIATION.large("16 maps of 8 channels of 7 x 7", lambda rng: drawn(rng, sizes=(((16, 8, 7, 7), 4),)))
test_laws = DEVIATION.laws("calls, passes and memory do not get mixed up")
test_refuses = DEVIATION.refuses(
    "a group that does not divide the batch raises a ValueError that says both numbers",
    ({"x": np.ones((6, 2)), "group": 4}, ["group=4", "6"]),
    ({"x": np.ones((3, 2, 1, 1)), "group": 2}, ["group=2", "3"]),
)


@grades(module.minibatch_deviation)
def test_constant_corner(rng):
    """a corner that is the same in all samples, as behind a ReLU, has a gradient of 0 and not nan"""
    for dtype in ("float64", "float32"):
        numbers = some(rng, 4, 2, 2, 2)
        numbers[:, :, 0, 0] = 0.0
        x = laid(numbers.astype(dtype))
        out = module.minibatch_deviation(x, group=4)
        close(out[:, 2, 0, 0], out[:, 2, 1, 1], case=f"the new channel in {dtype}: the same at all places")
        (slope,) = torch.autograd.grad(out[:, 2].sum(), x)
        close(slope[:, :, 0, 0], np.zeros((4, 2)), case=f"the gradient at a place where all samples are 0, in {dtype}")
        true(bool(torch.isfinite(slope).all()), "the gradient is not finite", case=dtype)


wrong(
    module.minibatch_deviation,
    {
        "without epsilon the root of 0 has an infinite slope: nan where all samples are equal": (
            "(groups.var(dim=0, unbiased=False) + epsilon).sqrt()",
            "groups.std(dim=0, unbiased=False)",
        ),
        "epsilon is added after the root, where it no longer helps the gradient": (
            "(groups.var(dim=0, unbiased=False) + epsilon).sqrt()",
            "groups.var(dim=0, unbiased=False).sqrt() + epsilon",
        ),
        "the variance is divided by N - 1, which is 0 for a group of one": ("unbiased=False", "unbiased=True"),
        "the variance, not its root": ("+ epsilon).sqrt()", "+ epsilon)"),
        "neighbors in the batch form a group: samples are not dealt out": (
            """x.reshape(size, x.shape[0] // size, -1)
    # The deviation over the samples of a group, at each channel and place; the root of 0 has no slope.
    deviation = (groups.var(dim=0, unbiased=False) + epsilon).sqrt()
    # One number for each group, the same for all of its samples and at all places.
    number = deviation.mean(dim=1).repeat(size)
""",
            """x.reshape(x.shape[0] // size, size, -1)
    # The deviation over the samples of a group, at each channel and place; the root of 0 has no slope.
    deviation = (groups.var(dim=1, unbiased=False) + epsilon).sqrt()
    # One number for each group, the same for all of its samples and at all places.
    number = deviation.mean(dim=1).repeat_interleave(size)
""",
        ),
        "a sample gets the number of another group": (
            "mean(dim=1).repeat(size)",
            "mean(dim=1).repeat_interleave(size)",
        ),
        "the new channel is cut from the graph: the generator is not told": (
            "deviation.mean(dim=1)",
            "deviation.detach().mean(dim=1)",
        ),
        "the new channel takes the place of x": ("torch.cat([x, channel], dim=1)", "channel"),
        "epsilon is always 1e-8, whatever was asked for": ("+ epsilon).sqrt()", "+ 1e-8).sqrt()"),
        "the deviation is always float64": (
            "x.reshape(size, x.shape[0] // size, -1)",
            "x.double().reshape(size, x.shape[0] // size, -1)",
        ),
        "a group that does not divide the batch is not refused": ("if x.shape[0] % size:", "if size > x.shape[0]:"),
        "the samples are centered in place: what is handed on is not x any more": (
            "groups.var(dim=0, unbiased=False)",
            "groups.data.sub_(groups.data.mean(dim=0)).var(dim=0, unbiased=False)",
        ),
        "the new channel stands before the others": ("[x, channel]", "[channel, x]"),
        "the whole batch is one group, whatever was asked for": ("size = group or x.shape[0]", "size = x.shape[0]"),
    },
)
