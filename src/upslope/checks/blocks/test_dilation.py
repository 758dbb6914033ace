"""What AtrousPyramid must do."""

from typing import Any

import torch
from torch.nn import functional as F

from upslope.blocks import dilation
from upslope.checks import wrong
from upslope.checks.blocks.module_info import ModuleInfo
from upslope.checks.samples import some

# Settings, height and width.
TWO = {"in_channels": 3, "channels": 2, "rates": (1, 2), "dropout": 0.0}
ONE = {"in_channels": 2, "channels": 4, "rates": (3,), "dropout": 0.0}
NONE = {"in_channels": 2, "channels": 3, "rates": (), "dropout": 0.5}
THREE = {"in_channels": 2, "channels": 2, "rates": (4, 1, 2), "dropout": 0.0}
CASES = ((TWO, 5, 4), (ONE, 4, 6), (NONE, 2, 3), (THREE, 3, 3))
LARGE = ({"in_channels": 12, "channels": 8, "rates": (2, 4, 6), "dropout": 0.5}, 16, 20)
SILENT = ({**TWO, "channels": 12, "dropout": 1.0}, 3, 4)
# So wide that behind a ReLU something is left.
WIDE = ({"in_channels": 3, "channels": 12, "rates": (1, 2), "dropout": 0.0}, 5, 5)


def drawn(*cases, batch=3):
    """Samples with these settings on maps of these sizes."""
    return lambda rng: [
        (settings, {"x": some(rng, batch, settings["in_channels"], height, width)}) for settings, height, width in cases
    ]


def pyramid(x, weights, *, rates, dropout=0.0, training=False, **_):
    """Section 3.3, with PyTorch's functions."""

    def step(x, name, rate=0):
        out = F.conv2d(x, weights[f"{name}.0.weight"], padding=rate, dilation=max(rate, 1))
        mean, variance = (None if training else weights[f"{name}.1.running_{what}"] for what in ("mean", "var"))
        scale, shift = weights[f"{name}.1.weight"], weights[f"{name}.1.bias"]
        return F.relu(F.batch_norm(out, mean, variance, scale, shift, training=training))

    parts = [step(x, "branches.0")]
    parts += [step(x, f"branches.{number}", rate) for number, rate in enumerate(rates, start=1)]
    parts.append(step(F.adaptive_avg_pool2d(x, 1), "mean").repeat(1, 1, *x.shape[2:]))
    return F.dropout(step(torch.cat(parts, dim=1), "join"), dropout, training=training)


PYRAMID = ModuleInfo(dilation.AtrousPyramid, samples=drawn(*CASES), truth=pyramid)


def kept(name, out, channels, kernel):
    """What a convolution and its norm keep."""
    norm = {f"{name}.1.{what}": [out] for what in ("weight", "bias", "running_mean", "running_var")}
    return {f"{name}.0.weight": [out, channels, kernel, kernel], **norm}


ROW = {"in_channels": 1, "channels": 1, "rates": (2,), "dropout": 0.5}
ALL_ONES: dict[str, Any] = {"branches.0.0.weight": [[[[1.0]]]], "branches.1.0.weight": [[[[1.0] * 3] * 3]]}
ALL_ONES |= {"mean.0.weight": [[[[1.0]]]], "join.0.weight": [[[[1.0]], [[1.0]], [[1.0]]]]}

test_parameters = PYRAMID.parameters(
    "branches of 1x1 and of 3x3 for each rate, mean, join: convolutions without bias, each with its norm",
    (
        TWO,
        kept("branches.0", 2, 3, 1)
        | kept("branches.1", 2, 3, 3)
        | kept("branches.2", 2, 3, 3)
        | kept("mean", 2, 3, 1)
        | kept("join", 2, 8, 1),
    ),
    (NONE, kept("branches.0", 3, 2, 1) | kept("mean", 3, 2, 1) | kept("join", 3, 6, 1)),
)
test_shape = PYRAMID.shape("`channels` maps; height and width stay, also where a rate is larger than the map")
test_by_hand = PYRAMID.by_hand(
    "all weights 1, rate 2: of the row [1, 2, 3] itself, [4, 2, 4] and [2, 2, 2] make [7, 6, 9]",
    (ROW, ALL_ONES, [[[[1.0, 2.0, 3.0]]]], [[[[7, 6, 9]]]]),
)
test_order = PYRAMID.by_hand(
    "side by side lie the branches in the order of their rates, then the mean",
    (
        {**ROW, "rates": (2, 1)},
        {
            **ALL_ONES,
            "branches.2.0.weight": [[[[1.0] * 3] * 3]],
            "join.0.weight": [[[[1.0]], [[10.0]], [[100.0]], [[1000.0]]]],
        },
        [[[[1.0, 2.0, 3.0]]]],
        [[[[2341.0, 2622.0, 2543.0]]]],
    ),
)
test_random = PYRAMID.random("random weights in evaluation: the formula with PyTorch's functions", drawn(*CASES, LARGE))
test_training = PYRAMID.random(
    "in training each norm takes the statistics of the batch", drawn(CASES[0], CASES[1], CASES[3]), training=True
)
test_dropout = PYRAMID.random(
    "in training dropout is the last thing: of p = 1 nothing is left", drawn(SILENT), training=True
)
test_gradient = PYRAMID.gradient("gradients reach x and every parameter", drawn(*CASES[:3]))
test_learns = PYRAMID.learns("a plain backward pass reaches every parameter and the input", drawn(WIDE, batch=6))
test_laws = PYRAMID.laws("x itself is not changed; calls, passes and memory do not get mixed up")

wrong(
    dilation.AtrousPyramid,
    {
        "the 3x3 convolutions are not dilated: all rates see the same": ("padding=rate, dilation=rate", "padding=1"),
        "the padding is 1 whatever the rate is, so that maps shrink": (
            "padding=rate, dilation=rate",
            "padding=1, dilation=rate",
        ),
        "the mean of the whole picture is left out, and the first branch stands twice": (
            "parts.append(mean.expand(-1, -1, *x.shape[2:]))",
            "parts.append(parts[0])",
        ),
        "the mean comes first": ("parts.append(mean", "parts.insert(0, mean"),
        "the largest number of each channel is taken, not the mean": (
            "x.mean(dim=(2, 3), keepdim=True)",
            "x.amax(dim=(2, 3), keepdim=True)",
        ),
        "each branch reads what the branch before it made: scales are chained, not beside each other": (
            "parts = [branch(x) for branch in self.branches]",
            "parts = [self.branches[0](x)]\n        for branch in self.branches[1:]:\n"
            "            parts.append(branch(parts[-1] if parts[-1].shape == x.shape else x))",
        ),
        "the branches are added, not joined side by side": (
            "torch.cat(parts, dim=1)",
            "sum(parts).repeat(1, len(parts), 1, 1)",
        ),
        "what joins has no norm and no ReLU": (
            "self.join = normed(nn.Conv2d((2 + len(rates)) * channels, channels, 1, bias=False))",
            "self.join = nn.Conv2d((2 + len(rates)) * channels, channels, 1, bias=False)",
        ),
        "the convolutions have a bias, which the norm after them takes away again": (
            "dilation=rate, bias=False)",
            "dilation=rate)",
        ),
        "dropout comes before the last convolution": (
            "self.dropout(self.join(torch.cat(parts, dim=1)))",
            "self.join(self.dropout(torch.cat(parts, dim=1)))",
        ),
        "there is no dropout at the end": (
            "self.dropout(self.join(torch.cat(parts, dim=1)))",
            "self.join(torch.cat(parts, dim=1))",
        ),
    },
)
