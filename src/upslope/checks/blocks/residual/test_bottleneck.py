"""What Bottleneck must do."""

from torch.nn import functional as F

from upslope.blocks import residual
from upslope.checks import grades, wrong
from upslope.checks.blocks.residual.any_block import (
    Size,
    agrees,
    bypass,
    gives_shapes,
    gradients_agree,
    leaves_alone,
    norm_shapes,
    normed,
)
from upslope.checks.blocks.tensors import filled, holding, holds, tensor
from upslope.checks.expect import close, equal
from upslope.checks.laws import learns
from upslope.checks.samples import some

DEEP: tuple[Size, ...] = (
    (8, 2, {}, 3, 3),
    (2, 1, {}, 3, 2),
    (3, 3, {"stride": 2}, 4, 5),
    (4, 3, {"stride": 2, "stride_in_1x1": True}, 4, 4),
    (2, 2, {"stride": 2, "padded": True}, 5, 4),
)


def deep(x, weights, *, stride=1, padded=False, stride_in_1x1=False, training=False):
    """Figure 5, right, with PyTorch's functions."""
    first, second = (stride, 1) if stride_in_1x1 else (1, stride)
    out = F.relu(normed(F.conv2d(x, weights["conv1.weight"], stride=first), weights, "norm1", training))
    out = F.conv2d(out, weights["conv2.weight"], stride=second, padding=1)
    out = F.relu(normed(out, weights, "norm2", training))
    out = normed(F.conv2d(out, weights["conv3.weight"]), weights, "norm3", training)
    return F.relu(out + bypass(x, out, weights, stride, training))


@grades(residual.Bottleneck)
def test_deep_parameters(rng):
    """convolutions of 1x1, 3x3, 1x1 without bias; projected where the shape changes"""
    same = {"conv1.weight": [1, 4, 1, 1], "conv2.weight": [1, 1, 3, 3], "conv3.weight": [4, 1, 1, 1]}
    same |= norm_shapes("norm1", 1) | norm_shapes("norm2", 1) | norm_shapes("norm3", 4)
    holds(residual.Bottleneck(4, 1), same, case="Bottleneck(4, 1)")
    new = {"conv1.weight": [2, 3, 1, 1], "conv2.weight": [2, 2, 3, 3], "conv3.weight": [8, 2, 1, 1]}
    new |= norm_shapes("norm1", 2) | norm_shapes("norm2", 2) | norm_shapes("norm3", 8)
    projected = new | {"shortcut.0.weight": [8, 3, 1, 1]} | norm_shapes("shortcut.1", 8)
    holds(residual.Bottleneck(3, 2, stride=2), projected, case="Bottleneck(3, 2, stride=2)")
    words = "Bottleneck(3, 2, stride=2, padded=True)"
    holds(residual.Bottleneck(3, 2, stride=2, padded=True), new, case=words)


@grades(residual.Bottleneck)
def test_deep_shape_and_dtype(rng):
    """4 * channels come out, of H / stride x W / stride pixels, rounded up"""
    gives_shapes(residual.Bottleneck, DEEP, 4)


@grades(residual.Bottleneck)
def test_deep_by_hand(rng):
    """half of the first channel is taken away: [4, 3, 1, -4] becomes [2, 1, 0, 0]"""
    kernel = tensor([[[[0, 0, 0], [0, 1, 0], [0, 0, 0]]]])
    values = {"conv1.weight": [[[[1]], [[0]], [[0]], [[0]]]], "conv2.weight": kernel, "conv3.weight": [[[[-0.5]]]] * 4}
    block = holding(residual.Bottleneck(4, 1), values).eval()
    case = "conv1 takes the first channel, conv2 passes it on, conv3 is -0.5, on the pixel [4, 3, 1, -4]"
    pixel = tensor([4.0, 3.0, 1.0, -4.0]).reshape(1, 4, 1, 1)
    close(block(pixel).flatten(), [2, 1, 0, 0], case=case, atol=1e-4)
    count = sum(parameter.numel() for parameter in residual.Bottleneck(256, 64).parameters())
    equal(count, 70_400, case="Bottleneck(256, 64): number of parameters")


@grades(residual.Bottleneck)
def test_deep_random(rng):
    """random weights in evaluation: the formula with PyTorch's functions"""
    agrees(residual.Bottleneck, deep, DEEP, rng, training=False)


@grades(residual.Bottleneck)
def test_deep_training(rng):
    """in training each norm takes the statistics of the batch"""
    agrees(residual.Bottleneck, deep, DEEP[:3], rng, training=True)


@grades(residual.Bottleneck)
def test_deep_gradient(rng):
    """gradients reach x and every parameter, as PyTorch finds them for the formula"""
    gradients_agree(residual.Bottleneck, deep, (*DEEP[:1], *DEEP[2:4]), rng)


@grades(residual.Bottleneck)
def test_deep_leaves_alone(rng):
    """x itself is not changed, also where the shortcut hands it on as it is"""
    leaves_alone(residual.Bottleneck, DEEP[0], rng)


@grades(residual.Bottleneck)
def test_learns(rng):
    """a plain backward pass, in training and in evaluation, reaches every parameter and the input"""
    block = filled(residual.Bottleneck(4, 3, stride=2), rng)
    learns(block, tensor(some(rng, 3, 4, 2, 2)), case="Bottleneck(4, 3, stride=2)")


wrong(
    residual.Bottleneck,
    {
        "stride_in_1x1 the wrong way round: the stride is on the 1x1 convolution unless it is asked for": (
            "(stride, 1) if stride_in_1x1 else (1, stride)",
            "(1, stride) if stride_in_1x1 else (stride, 1)",
        ),
        "stride_in_1x1 is not looked at": ("(stride, 1) if stride_in_1x1 else (1, stride)", "(1, stride)"),
        "the stride is on the last convolution": (
            """3, stride=second, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)
        self.conv3 = nn.Conv2d(channels, 4 * channels, 1, bias=False)""",
            """3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)
        self.conv3 = nn.Conv2d(channels, 4 * channels, 1, stride=second, bias=False)""",
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
        "relu after the second norm is missing": (
            "F.relu(self.norm2(self.conv2(added)), inplace=True)",
            "self.norm2(self.conv2(added))",
        ),
        "relu after the first norm is missing": (
            "F.relu(self.norm1(self.conv1(x)), inplace=True)",
            "self.norm1(self.conv1(x))",
        ),
        "relu comes before the sum as well as after it": (
            "added = self.norm3(self.conv3(added))",
            "added = F.relu(self.norm3(self.conv3(added)))",
        ),
        "relu comes before the sum, and none after it": (
            "return F.relu(added + self.shortcut(x), inplace=True)",
            "return F.relu(added) + self.shortcut(x)",
        ),
        "the shortcut is forgotten: this is a plain block": ("added + self.shortcut(x)", "added"),
        "x is added as it is, even where its shape does not fit": ("added + self.shortcut(x)", "added + x"),
        "one norm serves the first two convolutions": (
            "self.norm2(self.conv2(added))",
            "self.norm1(self.conv2(added))",
        ),
        "the last convolution has a bias, which the norm after it takes away again": (
            "4 * channels, 1, bias=False)",
            "4 * channels, 1)",
        ),
        "the middle convolution is as wide as the result, so nothing is saved": (
            """self.conv1 = nn.Conv2d(in_channels, channels, 1, stride=first, bias=False)
""",
            """channels *= 4
        self.conv1 = nn.Conv2d(in_channels, channels, 1, stride=first, bias=False)
""",
        ),
        "padded is not looked at": ("stride=stride, padded=padded)", "stride=stride)"),
        "gradients pass only by the shortcut: what is added is cut from the graph": (
            "F.relu(added + self.shortcut(x), inplace=True)",
            "F.relu(added.detach() + self.shortcut(x))",
        ),
        "the sum is added into x itself, which others still need": (
            "F.relu(added + self.shortcut(x), inplace=True)",
            "F.relu(self.shortcut(x).add_(added))",
        ),
    },
)
