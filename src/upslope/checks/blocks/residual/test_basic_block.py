"""What BasicBlock must do."""

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
from upslope.checks.expect import close
from upslope.checks.laws import learns
from upslope.checks.samples import some

BASIC: tuple[Size, ...] = (
    (2, 2, {}, 3, 3),
    (1, 2, {}, 3, 2),
    (2, 3, {"stride": 2}, 4, 5),
    (2, 2, {"stride": 2}, 4, 4),
    (2, 4, {"stride": 2, "padded": True}, 5, 4),
    (2, 2, {"padded": True}, 2, 2),
)


def basic(x, weights, *, stride=1, padded=False, training=False):
    """Figure 5, left, with PyTorch's functions."""
    out = F.conv2d(x, weights["conv1.weight"], stride=stride, padding=1)
    out = F.relu(normed(out, weights, "norm1", training))
    out = normed(F.conv2d(out, weights["conv2.weight"], padding=1), weights, "norm2", training)
    return F.relu(out + bypass(x, out, weights, stride, training))


@grades(residual.BasicBlock)
def test_basic_parameters(rng):
    """two convolutions without bias, two norms; projected where the shape changes"""
    same = {"conv1.weight": [2, 2, 3, 3], "conv2.weight": [2, 2, 3, 3]}
    same |= norm_shapes("norm1", 2) | norm_shapes("norm2", 2)
    holds(residual.BasicBlock(2, 2), same, case="BasicBlock(2, 2)")
    new = {"conv1.weight": [3, 2, 3, 3], "conv2.weight": [3, 3, 3, 3], "shortcut.0.weight": [3, 2, 1, 1]}
    new |= norm_shapes("norm1", 3) | norm_shapes("norm2", 3)
    padded = {name: shape for name, shape in new.items() if not name.startswith("shortcut")}
    holds(residual.BasicBlock(2, 3, stride=2), new | norm_shapes("shortcut.1", 3), case="BasicBlock(2, 3, stride=2)")
    words = "BasicBlock(2, 3, stride=2, padded=True)"
    holds(residual.BasicBlock(2, 3, stride=2, padded=True), padded, case=words)


@grades(residual.BasicBlock)
def test_basic_shape_and_dtype(rng):
    """as many channels as asked for, of H / stride x W / stride pixels, rounded up"""
    gives_shapes(residual.BasicBlock, BASIC, 1)


@grades(residual.BasicBlock)
def test_basic_by_hand(rng):
    """conv1 passes pixels on, conv2 takes half away: 4 becomes 2, -4 becomes 0"""
    kernel = tensor([[[[0, 0, 0], [0, 1, 0], [0, 0, 0]]]])
    block = holding(residual.BasicBlock(1, 1), {"conv1.weight": kernel, "conv2.weight": -0.5 * kernel}).eval()
    case = "conv1 with 1 in the middle of its kernel, conv2 with -0.5, new norms in evaluation, on [[4, -4]]"
    close(block(tensor([[[[4.0, -4.0]]]])), [[[[2.0, 0.0]]]], case=case, atol=1e-4)


@grades(residual.BasicBlock)
def test_basic_random(rng):
    """random weights in evaluation: the formula with PyTorch's functions"""
    agrees(residual.BasicBlock, basic, BASIC, rng, training=False)


@grades(residual.BasicBlock)
def test_basic_training(rng):
    """in training each norm takes the statistics of the batch"""
    agrees(residual.BasicBlock, basic, BASIC[:3], rng, training=True)


@grades(residual.BasicBlock)
def test_basic_gradient(rng):
    """gradients reach x and every parameter, as PyTorch finds them for the formula"""
    gradients_agree(residual.BasicBlock, basic, (*BASIC[:1], *BASIC[2:5:2]), rng)


@grades(residual.BasicBlock)
def test_basic_leaves_alone(rng):
    """x itself is not changed, also where the shortcut hands it on as it is"""
    leaves_alone(residual.BasicBlock, BASIC[0], rng)


@grades(residual.BasicBlock)
def test_learns(rng):
    """a plain backward pass, in training and in evaluation, reaches every parameter and the input"""
    for channels, stride in ((2, 1), (3, 2)):
        block = filled(residual.BasicBlock(2, channels, stride=stride), rng)
        learns(block, tensor(some(rng, 3, 2, 4, 4)), case=f"BasicBlock(2, {channels}, stride={stride})")


wrong(
    residual.BasicBlock,
    {
        "relu comes before the sum, so a block can only add and the result may be negative": (
            "return F.relu(added + self.shortcut(x), inplace=True)",
            "return F.relu(added) + self.shortcut(x)",
        ),
        "relu comes before the sum as well as after it": (
            "added = self.norm2(self.conv2(added))",
            "added = F.relu(self.norm2(self.conv2(added)))",
        ),
        "relu after the sum is missing": (
            "return F.relu(added + self.shortcut(x), inplace=True)",
            "return added + self.shortcut(x)",
        ),
        "relu between the two convolutions is missing": (
            "F.relu(self.norm1(self.conv1(x)), inplace=True)",
            "self.norm1(self.conv1(x))",
        ),
        "the shortcut is forgotten: this is a plain block": ("added + self.shortcut(x)", "added"),
        "x is added as it is, even where its shape does not fit": ("added + self.shortcut(x)", "added + x"),
        "the shortcut takes the result of conv1, where it should take x": (
            """added = self.norm2(self.conv2(added))
        # The input itself goes past them, in the shape of the output, and relu comes after the sum.
        return F.relu(added + self.shortcut(x), inplace=True)""",
            """return F.relu(self.norm2(self.conv2(added)) + added)""",
        ),
        "the stride is on the second convolution": (
            """3, stride=stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)""",
            """3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, stride=stride, padding=1, bias=False)""",
        ),
        "both convolutions have the stride": (
            "nn.Conv2d(channels, channels, 3, padding=1",
            "nn.Conv2d(channels, channels, 3, stride=stride, padding=1",
        ),
        "the convolutions are not padded, so pictures shrink": (
            "nn.Conv2d(channels, channels, 3, padding=1, ",
            "nn.Conv2d(channels, channels, 3, ",
        ),
        "the convolutions have a bias, which the norm after them takes away again": (
            "3, stride=stride, padding=1, bias=False)",
            "3, stride=stride, padding=1)",
        ),
        "one norm serves both convolutions": ("self.norm2(self.conv2(added))", "self.norm1(self.conv2(added))"),
        "the second norm stands before its convolution": (
            "self.norm2(self.conv2(added))",
            "self.conv2(self.norm2(added))",
        ),
        "padded is not looked at": ("stride=stride, padded=padded)", "stride=stride)"),
        "the sum is added into x itself, which others still need": (
            "F.relu(added + self.shortcut(x), inplace=True)",
            "F.relu(self.shortcut(x).add_(added))",
        ),
        "gradients pass only by the shortcut: what is added is cut from the graph": (
            "F.relu(added + self.shortcut(x), inplace=True)",
            "F.relu(added.detach() + self.shortcut(x))",
        ),
    },
)
