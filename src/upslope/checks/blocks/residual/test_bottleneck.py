"""What Bottleneck must do."""

from torch.nn import functional as F

from upslope.blocks import residual
from upslope.checks import grades, wrong
from upslope.checks.blocks.module_info import ModuleInfo
from upslope.checks.blocks.residual.any_block import Size, bypass, drawn, norm_shapes, normed
from upslope.checks.expect import equal

SIZES: tuple[Size, ...] = (
    (8, 2, 3, 3, {}),
    (3, 3, 4, 5, {"stride": 2}),
    (4, 3, 4, 4, {"stride": 2, "stride_in_1x1": True}),
    (2, 2, 5, 4, {"stride": 2, "padded": True}),
    (2, 1, 3, 2, {}),
)


def deep(x, weights, *, stride=1, padded=False, stride_in_1x1=False, training=False, **_):
    """Figure 5, right, with PyTorch's functions."""
    first, second = (stride, 1) if stride_in_1x1 else (1, stride)
    out = F.relu(normed(F.conv2d(x, weights["conv1.weight"], stride=first), weights, "norm1", training))
    out = F.conv2d(out, weights["conv2.weight"], stride=second, padding=1)
    out = F.relu(normed(out, weights, "norm2", training))
    out = normed(F.conv2d(out, weights["conv3.weight"]), weights, "norm3", training)
    return F.relu(out + bypass(x, out, weights, stride, training))


def kept(n_in, channels):
    """Names and shapes without a projection."""
    shapes = {"conv1.weight": [channels, n_in, 1, 1], "conv2.weight": [channels, channels, 3, 3]}
    shapes |= {"conv3.weight": [4 * channels, channels, 1, 1], **norm_shapes("norm3", 4 * channels)}
    return shapes | norm_shapes("norm1", channels) | norm_shapes("norm2", channels)


BLOCK = ModuleInfo(residual.Bottleneck, samples=drawn(*SIZES), truth=deep)
HALF = {"in_channels": 3, "channels": 2, "stride": 2}
MIDDLE = [[[[0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]]]

test_deep_parameters = BLOCK.parameters(
    "convolutions of 1x1, 3x3, 1x1 without bias; projected where the shape changes",
    ({"in_channels": 4, "channels": 1}, kept(4, 1)),
    (HALF, kept(3, 2) | {"shortcut.0.weight": [8, 3, 1, 1]} | norm_shapes("shortcut.1", 8)),
    ({**HALF, "padded": True}, kept(3, 2)),
)


@grades(residual.Bottleneck)
def test_deep_count(rng):
    """with 256 channels in and 64 inside it has 70,400 parameters"""
    count = sum(parameter.numel() for parameter in residual.Bottleneck(256, 64).parameters())
    equal(count, 70_400, case="Bottleneck(256, 64): number of parameters")


test_deep_shape_and_dtype = BLOCK.shape("4 * channels come out, of H / stride x W / stride pixels, rounded up")
test_deep_by_hand = BLOCK.by_hand(
    "half of the first channel is taken away: [4, 3, 1, -4] becomes [2, 1, 0, 0]",
    (
        {"in_channels": 4, "channels": 1},
        {"conv1.weight": [[[[1]], [[0]], [[0]], [[0]]]], "conv2.weight": MIDDLE, "conv3.weight": [[[[-0.5]]]] * 4},
        [[[[4.0]], [[3.0]], [[1.0]], [[-4.0]]]],
        [[[[2]], [[1]], [[0]], [[0]]]],
    ),
)
test_deep_random = BLOCK.random(
    "random weights in evaluation: the formula with PyTorch's functions", drawn(*SIZES, (16, 8, 32, 32, {"stride": 2}))
)
test_deep_training = BLOCK.random("in training each norm takes the statistics of the batch", training=True)
test_deep_gradient = BLOCK.gradient(
    "gradients reach x and every parameter, as PyTorch finds them for the formula", drawn(*SIZES[:3])
)
test_deep_leaves_alone = BLOCK.laws("x itself is not changed; calls, passes and memory do not get mixed up")
test_learns = BLOCK.learns(
    "a plain backward pass, in training and in evaluation, reaches every parameter and the input", drawn(*SIZES[:2])
)


wrong(
    residual.Bottleneck,
    {
        "stride_in_1x1 the wrong way round: the stride is on the 1x1 convolution unless it is asked for": (
            "(stride, 1) if stride_in_1x1 else (1, stride)",
            "(1, stride) if stride_in_1x1 else (stride, 1)",
        ),
        "the last convolution does not widen: the result has `channels` channels": (
            """self.conv3 = nn.Conv2d(channels, 4 * channels, 1, bias=False)
        self.norm3 = nn.BatchNorm2d(4 * channels)
        self.shortcut = shortcut_for(in_channels, 4 * channels,""",
            """self.conv3 = nn.Conv2d(channels, channels, 1, bias=False)
        self.norm3 = nn.BatchNorm2d(channels)
        self.shortcut = shortcut_for(in_channels, channels,""",
        ),
        "the 3x3 convolution is not padded, so pictures shrink": ("stride=second, padding=1,", "stride=second,"),
        "relu after the first norm is missing": (
            "F.relu(self.norm1(self.conv1(x)), inplace=True)",
            "self.norm1(self.conv1(x))",
        ),
        "relu comes before the sum, and none after it": (
            "return F.relu(added + self.shortcut(x), inplace=True)",
            "return F.relu(added) + self.shortcut(x)",
        ),
        "the shortcut is forgotten: this is a plain block": ("added + self.shortcut(x)", "added"),
        "the last convolution has a bias, which the norm after it takes away again": (
            "4 * channels, 1, bias=False)",
            "4 * channels, 1)",
        ),
        "the sum is added into x itself, which others still need": (
            "F.relu(added + self.shortcut(x), inplace=True)",
            "F.relu(self.shortcut(x).add_(added))",
        ),
    },
)
