"""What SqueezeExcitation and InvertedBottleneck must do."""

from typing import Any

from torch.nn import functional as F

from upslope.blocks import inverted_bottleneck
from upslope.checks import wrong
from upslope.checks.blocks.module_info import ModuleInfo
from upslope.checks.samples import some


def scaled(x, weights, name=""):
    """Section 3 of Hu et al. 2017, by matrix products."""
    means = x.mean(dim=(2, 3))
    inner = F.silu(F.linear(means, weights[f"{name}reduce.weight"][:, :, 0, 0], weights[f"{name}reduce.bias"]))
    outer = F.linear(inner, weights[f"{name}expand.weight"][:, :, 0, 0], weights[f"{name}expand.bias"])
    return x * outer.sigmoid()[:, :, None, None]


# Channels, squeezed, height, width.
SIZES = ((2, 1, 3, 2), (3, 2, 1, 1), (4, 6, 2, 5))


def pictures(*sizes):
    return lambda rng: [
        ({"channels": channels, "squeezed": squeezed}, {"x": some(rng, 2, channels, height, width)})
        for channels, squeezed, height, width in sizes
    ]


EXCITE = ModuleInfo(
    inverted_bottleneck.SqueezeExcitation, samples=pictures(*SIZES), truth=lambda x, weights, **_: scaled(x, weights)
)
PAIR = {"channels": 2, "squeezed": 1}
ZEROS = {"reduce.weight": [[[[0.0]], [[0.0]]]], "reduce.bias": [0.0], "expand.bias": [0.0, 0.0]}
ZEROS |= {"expand.weight": [[[[0.0]]], [[[0.0]]]]}
OPEN = ZEROS | {"expand.bias": [40.0, -40.0]}

test_excite_parameters = EXCITE.parameters(
    "two 1x1 convolutions with biases",
    (
        {"channels": 5, "squeezed": 2},
        {"reduce.weight": [2, 5, 1, 1], "reduce.bias": [2], "expand.weight": [5, 2, 1, 1], "expand.bias": [5]},
    ),
)
test_excite_shape = EXCITE.shape("the shape of x, whatever is squeezed")
test_excite_by_hand = EXCITE.by_hand(
    "zeros halve every channel; biases of 40 and -40 leave one as it is and silence the other",
    (PAIR, ZEROS, [[[[4.0, 8.0]], [[2.0, 6.0]]]], [[[[2, 4]], [[1, 3]]]]),
    (PAIR, OPEN, [[[[4.0, 8.0]], [[2.0, 6.0]]]], [[[[4, 8]], [[0, 0]]]]),
)
test_excite_random = EXCITE.random(
    "random weights: mean, reduce, SiLU, expand, sigmoid, times x", pictures(*SIZES, (24, 6, 7, 7))
)
test_excite_gradient = EXCITE.gradient("gradients reach x by both ways, and every parameter", pictures(*SIZES[:2]))
test_excite_learns = EXCITE.learns("a plain backward pass reaches every parameter and the input", pictures(*SIZES[:2]))
test_excite_laws = EXCITE.laws("x itself is not changed; calls, passes and memory do not get mixed up")


def bottleneck(
    x,
    weights,
    *,
    in_channels,
    channels,
    ratio=6,
    kernel=3,
    stride=1,
    padding="symmetric",
    eps=1e-3,
    training=False,
    **_,
):
    """Expansion, depthwise convolution, excitation, projection, by PyTorch's functions."""

    def normed(out, name):
        mean, variance = (None if training else weights[f"{name}.running_{what}"] for what in ("mean", "var"))
        scale, shift = weights[f"{name}.weight"], weights[f"{name}.bias"]
        return F.batch_norm(out, mean, variance, scale, shift, training=training, eps=eps)

    out, edge = x, kernel // 2
    if ratio != 1:
        out = F.silu(normed(F.conv2d(out, weights["expand.weight"]), "norm1"))
    if padding == "same":
        edges = []
        for size in (out.shape[3], out.shape[2]):
            zeros = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            edges += [zeros // 2, zeros - zeros // 2]
        out, edge = F.pad(out, edges), 0
    out = F.conv2d(out, weights["depthwise.weight"], stride=stride, padding=edge, groups=out.shape[1])
    out = scaled(F.silu(normed(out, "norm2")), weights, "excite.")
    out = normed(F.conv2d(out, weights["project.weight"]), "norm3")
    return x + out if stride == 1 and in_channels == channels else out


# Channels in and out, height and width, settings.
CASES = (
    (2, 2, 4, 3, {"ratio": 2}),
    (2, 3, 5, 4, {"ratio": 3, "stride": 2}),
    (4, 4, 4, 4, {"ratio": 1, "kernel": 5}),
    (4, 4, 6, 5, {"ratio": 2, "stride": 2, "padding": "same", "kernel": 5}),
    (8, 3, 3, 3, {"ratio": 2, "eps": 0.1}),
    (2, 2, 4, 4, {"ratio": 1, "padding": "same"}),
)


def drawn(*cases):
    return lambda rng: [
        ({"in_channels": before, "channels": after, **settings}, {"x": some(rng, 2, before, height, width)})
        for before, after, height, width, settings in cases
    ]


BLOCK = ModuleInfo(inverted_bottleneck.InvertedBottleneck, samples=drawn(*CASES), truth=bottleneck)


def norm_shapes(**sizes):
    parts = ("weight", "bias", "running_mean", "running_var")
    return {f"{name}.{part}": [size] for name, size in sizes.items() for part in parts}


def excite_shapes(wide, squeezed):
    return {
        "excite.reduce.weight": [squeezed, wide, 1, 1],
        "excite.reduce.bias": [squeezed],
        "excite.expand.weight": [wide, squeezed, 1, 1],
        "excite.expand.bias": [wide],
    }


SAME = {"in_channels": 1, "channels": 1, "ratio": 1, "kernel": 1, "eps": 0.0}
PASS: dict[str, Any] = {"depthwise.weight": [[[[1.0]]]], "project.weight": [[[[2.0]]]]}
PASS |= {"excite.reduce.weight": [[[[0.0]]]], "excite.reduce.bias": [0.0]}
PASS |= {"excite.expand.weight": [[[[0.0]]]], "excite.expand.bias": [0.0]}

test_parameters = BLOCK.parameters(
    "expand, depthwise, excite, project and three norms; with ratio 1 nothing is expanded",
    (
        {"in_channels": 8, "channels": 5, "ratio": 3, "kernel": 5},
        {"expand.weight": [24, 8, 1, 1], "depthwise.weight": [24, 1, 5, 5], "project.weight": [5, 24, 1, 1]}
        | norm_shapes(norm1=24, norm2=24, norm3=5)
        | excite_shapes(24, 2),
    ),
    (
        {"in_channels": 3, "channels": 4, "ratio": 1},
        {"depthwise.weight": [3, 1, 3, 3], "project.weight": [4, 3, 1, 1]}
        | norm_shapes(norm2=3, norm3=4)
        | excite_shapes(3, 1),
    ),
    (
        {"in_channels": 16, "channels": 24},
        {"expand.weight": [96, 16, 1, 1], "depthwise.weight": [96, 1, 3, 3], "project.weight": [24, 96, 1, 1]}
        | norm_shapes(norm1=96, norm2=96, norm3=24)
        | excite_shapes(96, 4),
    ),
)
test_shape = BLOCK.shape("channels as asked for, of H / stride x W / stride places, rounded up")
test_by_hand = BLOCK.by_hand(
    "one channel, filters that pass everything on, a gate of a half: 3 + silu(3), and -3 + silu(-3)",
    (SAME, PASS, [[[[3.0, -3.0]]]], [[[[5.857722, -3.142278]]]]),
)
test_random = BLOCK.random(
    "random weights in evaluation: the formula with PyTorch's functions",
    drawn(*CASES, (16, 24, 14, 14, {"stride": 2}), (16, 16, 7, 7, {"drop_path": 0.5})),
)
test_training = BLOCK.random("in training each norm takes the statistics of the batch", training=True)
test_gradient = BLOCK.gradient("gradients reach x and every parameter", drawn(*CASES[:3]))
test_learns = BLOCK.learns("a plain backward pass reaches every parameter and the input", drawn(CASES[1], CASES[4]))
test_laws = BLOCK.laws("x itself is not changed; calls, passes and memory do not get mixed up")

wrong(
    inverted_bottleneck.SqueezeExcitation,
    {
        "the largest pixel of each channel, not the mean": (
            "x.mean(dim=(2, 3), keepdim=True)",
            "x.amax(dim=(2, 3), keepdim=True)",
        ),
        "no SiLU stands between the two": ("F.silu(self.reduce(scale))", "self.reduce(scale)"),
        "between the two stands ReLU, as in the first paper, not SiLU": (
            "F.silu(self.reduce(scale))",
            "F.relu(self.reduce(scale))",
        ),
        "the gate is added, not multiplied": ("x * scale.sigmoid()", "x + scale.sigmoid()"),
        "the gate is not squashed: it may be negative or large": ("scale.sigmoid()", "scale"),
        "the gate itself comes back, not the scaled channels": (
            "return x * scale.sigmoid()",
            "return scale.sigmoid().expand_as(x)",
        ),
        "the means come without their last two dimensions": ("dim=(2, 3), keepdim=True", "dim=(2, 3)"),
        "the two layers have no biases": (
            "nn.Conv2d(squeezed, channels, 1)",
            "nn.Conv2d(squeezed, channels, 1, bias=False)",
        ),
        "x itself is scaled in place": ("x * scale.sigmoid()", "x.mul_(scale.sigmoid())"),
    },
)
wrong(
    inverted_bottleneck.InvertedBottleneck,
    {
        "an activation after the projection loses what lies below 0": (
            "out = self.norm3(self.project(out))",
            "out = F.silu(self.norm3(self.project(out)))",
        ),
        "the sum is written over the input": ("return x + self.drop(out)", "return x.add_(self.drop(out))"),
        "the input is not added": ("return x + self.drop(out) if self.added else out", "return self.drop(out)"),
        "the input is added wherever the stride is 1, whether the channels fit or not": (
            "stride == 1 and in_channels == channels",
            "stride == 1",
        ),
        "the convolution in the middle mixes the channels: it is not depthwise": (
            ", groups=wide, bias=False",
            ", bias=False",
        ),
        "the excitation is squeezed to a quarter of the wide channels, not of the block's input": (
            "max(1, in_channels // 4)",
            "max(1, wide // 4)",
        ),
        "the stride is forgotten": (
            "nn.Conv2d(wide, wide, kernel, stride=stride, padding=edge",
            "nn.Conv2d(wide, wide, kernel, padding=edge",
        ),
        "it is padded on all sides where TensorFlow's padding is asked for": (
            "edge = 0 if same else kernel // 2",
            "self.pad = nn.Identity()\n        edge = kernel // 2",
        ),
        "the last norm has PyTorch's epsilon, whatever is asked for": (
            "self.norm3 = nn.BatchNorm2d(channels, eps=eps)",
            "self.norm3 = nn.BatchNorm2d(channels)",
        ),
    },
)
