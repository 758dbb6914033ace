"""What InceptionBlock must do."""

from typing import Any

import torch
from torch.nn import functional as F

from upslope.blocks import inception
from upslope.checks import wrong
from upslope.checks.blocks.module_info import ModuleInfo
from upslope.checks.samples import some

PLAIN = {"in_channels": 3, "ones": 2, "threes": (2, 3), "fives": (1, 2), "pooled": 2}
NORMED = {"in_channels": 2, "ones": 1, "threes": (3, 2), "fives": (2, 3), "pooled": 4, "norm": True}
SMALL = {"in_channels": 2, "ones": 2, "threes": (1, 2), "fives": (2, 1), "pooled": 1, "kernel": 3}
CASES = ((PLAIN, 5, 6), (NORMED, 4, 5), (SMALL, 3, 2), (PLAIN, 1, 1), ({**NORMED, "kernel": 7}, 4, 3))
LARGE = ({"in_channels": 16, "ones": 8, "threes": (6, 12), "fives": (2, 4), "pooled": 8}, 14, 14)
# So wide that no layer is dead behind its ReLU by chance.
WIDE = tuple(
    ({"in_channels": 4, "ones": 12, "threes": (12, 12), "fives": (12, 12), "pooled": 12, "norm": norm}, 6, 6)
    for norm in (False, True)
)


def drawn(*cases):
    """Samples with these settings on maps of these sizes."""
    return lambda rng: [
        (settings, {"x": some(rng, 2, settings["in_channels"], height, width)}) for settings, height, width in cases
    ]


def block(x, weights, *, kernel=5, norm=False, training=False, **_):
    """Figure 2b, with PyTorch's functions."""

    def step(x, name, padding=0):
        out = F.conv2d(x, weights[f"{name}.conv.weight"], weights.get(f"{name}.conv.bias"), padding=padding)
        if norm:
            mean, variance = (None if training else weights[f"{name}.bn.running_{what}"] for what in ("mean", "var"))
            scale, shift = weights[f"{name}.bn.weight"], weights[f"{name}.bn.bias"]
            out = F.batch_norm(out, mean, variance, scale, shift, training=training, eps=1e-3)
        return F.relu(out)

    branches = [
        step(x, "branch1"),
        step(step(x, "branch2.0"), "branch2.1", 1),
        step(step(x, "branch3.0"), "branch3.1", kernel // 2),
        step(F.max_pool2d(x, 3, stride=1, padding=1), "branch4.1"),
    ]
    return torch.cat(branches, dim=1)


BLOCK = ModuleInfo(inception.InceptionBlock, samples=drawn(*CASES), truth=block)


def plain(name, out, channels, kernel):
    return {f"{name}.conv.weight": [out, channels, kernel, kernel], f"{name}.conv.bias": [out]}


def normed(name, out, channels, kernel):
    kept = {f"{name}.bn.{what}": [out] for what in ("weight", "bias", "running_mean", "running_var")}
    return {f"{name}.conv.weight": [out, channels, kernel, kernel], **kept}


ONE = {"in_channels": 1, "ones": 1, "threes": (1, 1), "fives": (1, 1), "pooled": 1}
KERNELS = {"branch1": 1, "branch2.0": 1, "branch2.1": 3, "branch3.0": 1, "branch3.1": 5, "branch4.1": 1}
ALL_ONES: dict[str, Any] = {f"{name}.conv.weight": [[[[1.0] * k] * k]] for name, k in KERNELS.items()}
ALL_ONES |= {f"{name}.conv.bias": [0.0] for name in KERNELS}

test_parameters = BLOCK.parameters(
    "six convolutions: 1x1; 1x1, 3x3; 1x1, 5x5; 1x1 behind the pooling; with norm, norms and no biases",
    (
        PLAIN,
        plain("branch1", 2, 3, 1)
        | plain("branch2.0", 2, 3, 1)
        | plain("branch2.1", 3, 2, 3)
        | plain("branch3.0", 1, 3, 1)
        | plain("branch3.1", 2, 1, 5)
        | plain("branch4.1", 2, 3, 1),
    ),
    (
        {**NORMED, "kernel": 3},
        normed("branch1", 1, 2, 1)
        | normed("branch2.0", 3, 2, 1)
        | normed("branch2.1", 2, 3, 3)
        | normed("branch3.0", 2, 2, 1)
        | normed("branch3.1", 3, 2, 3)
        | normed("branch4.1", 4, 2, 1),
    ),
)
test_shape = BLOCK.shape("ones + threes[1] + fives[1] + pooled channels; height and width stay")
test_by_hand = BLOCK.by_hand(
    "all weights 1, a row [1, 2, 3, 4]: itself, sums of 3, sums of 5 and maxima of 3, in this order",
    (ONE, ALL_ONES, [[[[1.0, 2.0, 3.0, 4.0]]]], [[[[1, 2, 3, 4]], [[3, 6, 9, 7]], [[6, 10, 10, 9]], [[2, 3, 4, 4]]]]),
)
test_random = BLOCK.random("random weights in evaluation: the formula with PyTorch's functions", drawn(*CASES, LARGE))
test_training = BLOCK.random("in training each norm takes the statistics of the batch", training=True)
test_gradient = BLOCK.gradient("gradients reach x and every parameter", drawn(*CASES[1:3]))
test_learns = BLOCK.learns("a plain backward pass reaches every parameter and the input", drawn(*WIDE))
test_laws = BLOCK.laws("x itself is not changed; calls, passes and memory do not get mixed up")

wrong(
    inception.InceptionBlock,
    {
        "the input itself is joined in place of the first branch": (
            "return torch.cat([branch(x) for branch in branches], dim=1)",
            "return torch.cat([x, *[branch(x) for branch in branches[1:]]], dim=1)",
        ),
        "the maps of the branches are joined along the height": (
            "for branch in branches], dim=1)",
            "for branch in branches], dim=2)",
        ),
        "the pooling moves by 3: its stride is not 1": (
            "nn.MaxPool2d(3, stride=1, padding=1)",
            "nn.MaxPool2d(3, padding=1)",
        ),
        "averages are pooled, not maxima": (
            "nn.MaxPool2d(3, stride=1, padding=1)",
            "nn.AvgPool2d(3, stride=1, padding=1)",
        ),
        "the 1x1 convolution of the last branch stands before the pooling": (
            "nn.MaxPool2d(3, stride=1, padding=1), ConvRelu(in_channels, pooled, 1, norm=norm)",
            "ConvRelu(in_channels, pooled, 1, norm=norm), nn.MaxPool2d(3, stride=1, padding=1)",
        ),
        "the wide filters look at all channels: nothing is reduced in front of them": (
            "ConvRelu(in_channels, fives[0], 1, norm=norm),\n            ConvRelu(fives[0], fives[1]",
            "nn.Identity(),\n            ConvRelu(in_channels, fives[1]",
        ),
        "the large filter is 5x5 whatever is asked for": (
            "fives[1], kernel, padding=kernel // 2",
            "fives[1], 5, padding=2",
        ),
        "the first branch has no norm": ("ConvRelu(in_channels, ones, 1, norm=norm)", "ConvRelu(in_channels, ones, 1)"),
    },
)
