"""What BasicBlock must do."""

from torch.nn import functional as F

from upslope.blocks import residual
from upslope.checks import wrong
from upslope.checks.blocks.module_info import ModuleInfo
from upslope.checks.blocks.residual.any_block import Size, bypass, drawn, norm_shapes, normed

SIZES: tuple[Size, ...] = (
    (2, 2, 3, 3, {}),
    (2, 3, 4, 5, {"stride": 2}),
    (2, 4, 5, 4, {"stride": 2, "padded": True}),
    (1, 2, 3, 2, {}),
    (2, 2, 4, 4, {"stride": 2}),
    (2, 2, 2, 2, {"padded": True}),
)


def basic(x, weights, *, stride=1, padded=False, training=False, **_):
    """Figure 5, left, with PyTorch's functions."""
    out = F.conv2d(x, weights["conv1.weight"], stride=stride, padding=1)
    out = F.relu(normed(out, weights, "norm1", training))
    out = normed(F.conv2d(out, weights["conv2.weight"], padding=1), weights, "norm2", training)
    return F.relu(out + bypass(x, out, weights, stride, training))


BLOCK = ModuleInfo(residual.BasicBlock, samples=drawn(*SIZES), truth=basic)
SAME = {
    "conv1.weight": [2, 2, 3, 3],
    "conv2.weight": [2, 2, 3, 3],
    **norm_shapes("norm1", 2),
    **norm_shapes("norm2", 2),
}
NEW = {"conv1.weight": [3, 2, 3, 3], "conv2.weight": [3, 3, 3, 3], **norm_shapes("norm1", 3), **norm_shapes("norm2", 3)}
HALF = {"in_channels": 2, "channels": 3, "stride": 2}
PASS = [[[[0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]]]
TAKE = [[[[0.0, 0.0, 0.0], [0.0, -0.5, 0.0], [0.0, 0.0, 0.0]]]]

test_basic_parameters = BLOCK.parameters(
    "two convolutions without bias, two norms; projected where the shape changes",
    ({"in_channels": 2, "channels": 2}, SAME),
    (HALF, NEW | {"shortcut.0.weight": [3, 2, 1, 1]} | norm_shapes("shortcut.1", 3)),
    ({**HALF, "padded": True}, NEW),
)
test_basic_shape_and_dtype = BLOCK.shape("as many channels as asked for, of H / stride x W / stride pixels, rounded up")
test_basic_by_hand = BLOCK.by_hand(
    "conv1 passes pixels on, conv2 takes half away: 4 becomes 2, -4 becomes 0",
    (
        {"in_channels": 1, "channels": 1},
        {"conv1.weight": PASS, "conv2.weight": TAKE},
        [[[[4.0, -4.0]]]],
        [[[[2, 0]]]],
    ),
)
test_basic_random = BLOCK.random(
    "random weights in evaluation: the formula with PyTorch's functions", drawn(*SIZES, (3, 16, 32, 32, {"stride": 2}))
)
test_basic_training = BLOCK.random("in training each norm takes the statistics of the batch", training=True)
test_basic_gradient = BLOCK.gradient(
    "gradients reach x and every parameter, as PyTorch finds them for the formula", drawn(*SIZES[:3])
)
test_basic_leaves_alone = BLOCK.laws("x itself is not changed; calls, passes and memory do not get mixed up")
test_learns = BLOCK.learns(
    "a plain backward pass, in training and in evaluation, reaches every parameter and the input", drawn(*SIZES[:2])
)


wrong(
    residual.BasicBlock,
    {
        "relu comes before the sum, so a block can only add and the result may be negative": (
            "return F.relu(added + self.shortcut(x), inplace=True)",
            "return F.relu(added) + self.shortcut(x)",
        ),
        "relu after the sum is missing": (
            "return F.relu(added + self.shortcut(x), inplace=True)",
            "return added + self.shortcut(x)",
        ),
        "the shortcut is forgotten: this is a plain block": ("added + self.shortcut(x)", "added"),
        "both convolutions have the stride": (
            "nn.Conv2d(channels, channels, 3, padding=1",
            "nn.Conv2d(channels, channels, 3, stride=stride, padding=1",
        ),
        "the convolutions have a bias, which the norm after them takes away again": (
            "3, stride=stride, padding=1, bias=False)",
            "3, stride=stride, padding=1)",
        ),
        "one norm serves both convolutions": ("self.norm2(self.conv2(added))", "self.norm1(self.conv2(added))"),
        "the sum is added into x itself, which others still need": (
            "F.relu(added + self.shortcut(x), inplace=True)",
            "F.relu(self.shortcut(x).add_(added))",
        ),
    },
)
