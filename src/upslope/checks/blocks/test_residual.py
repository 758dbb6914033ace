"""What BasicBlock and Bottleneck must do."""

from typing import Any

import torch
from torch.func import functional_call
from torch.nn import functional as F

from upslope.blocks import residual
from upslope.checks import grades, wrong
from upslope.checks.blocks.tensors import filled, gradients, holding, holds, tensor
from upslope.checks.expect import close, equal, tensor_of
from upslope.checks.samples import some, spelled

Size = tuple[int, int, dict[str, Any], int, int]  # in_channels, channels, settings, height, width

BASIC: tuple[Size, ...] = (
    (2, 2, {}, 3, 3),
    (1, 2, {}, 3, 2),
    (2, 3, {"stride": 2}, 4, 5),
    (2, 2, {"stride": 2}, 4, 4),
    (2, 4, {"stride": 2, "padded": True}, 5, 4),
    (2, 2, {"padded": True}, 2, 2),
)
DEEP: tuple[Size, ...] = (
    (8, 2, {}, 3, 3),
    (2, 1, {}, 3, 2),
    (3, 3, {"stride": 2}, 4, 5),
    (4, 3, {"stride": 2, "stride_in_1x1": True}, 4, 4),
    (2, 2, {"stride": 2, "padded": True}, 5, 4),
)


def called(kind, size):
    """The call in words."""
    given = ", ".join(["", *(f"{name}={value}" for name, value in size[2].items())])
    return f"{kind.__name__}({size[0]}, {size[1]}{given})"


def made(kind, size, rng, *, training=False):
    """A block of this size with random weights, and pictures for it."""
    block = filled(kind(size[0], size[1], **size[2]), rng).train(training)
    return block, some(rng, 2, size[0], *size[3:])


def normed(x, weights, name, training):
    """Batch norm by PyTorch's function, with the statistics of the batch or the ones that were kept."""
    mean, variance = (None if training else weights[f"{name}.running_{what}"] for what in ("mean", "var"))
    return F.batch_norm(x, mean, variance, weights[f"{name}.weight"], weights[f"{name}.bias"], training=training)


def bypass(x, out, weights, stride, training):
    """The shortcut, by its three ways: as it is, by a convolution if there is one, by padding."""
    if "shortcut.0.weight" in weights:
        return normed(F.conv2d(x, weights["shortcut.0.weight"], stride=stride), weights, "shortcut.1", training)
    if x.shape == out.shape:
        return x
    new = out.shape[1] - x.shape[1]
    return F.pad(x[:, :, ::stride, ::stride], (0, 0, 0, 0, new // 2, new - new // 2))


def basic(x, weights, *, stride=1, padded=False, training=False):
    """Figure 5, left, with PyTorch's functions."""
    out = F.conv2d(x, weights["conv1.weight"], stride=stride, padding=1)
    out = F.relu(normed(out, weights, "norm1", training))
    out = normed(F.conv2d(out, weights["conv2.weight"], padding=1), weights, "norm2", training)
    return F.relu(out + bypass(x, out, weights, stride, training))


def deep(x, weights, *, stride=1, padded=False, stride_in_1x1=False, training=False):
    """Figure 5, right, with PyTorch's functions."""
    first, second = (stride, 1) if stride_in_1x1 else (1, stride)
    out = F.relu(normed(F.conv2d(x, weights["conv1.weight"], stride=first), weights, "norm1", training))
    out = F.conv2d(out, weights["conv2.weight"], stride=second, padding=1)
    out = F.relu(normed(out, weights, "norm2", training))
    out = normed(F.conv2d(out, weights["conv3.weight"]), weights, "norm3", training)
    return F.relu(out + bypass(x, out, weights, stride, training))


def norm_shapes(name, channels):
    """What a batch norm keeps."""
    return {f"{name}.{what}": [channels] for what in ("weight", "bias", "running_mean", "running_var")}


def gives_shapes(kind, sizes, wider):
    """Every size gives pictures of the right shape, in the dtype that came."""
    for dtype in (torch.float32, torch.float64):
        for size in sizes:
            n_in, channels, settings, height, width = size
            stride = settings.get("stride", 1)
            out = kind(n_in, channels, **settings).to(dtype)(torch.zeros(2, n_in, height, width, dtype=dtype))
            shape = (2, wider * channels, -(-height // stride), -(-width // stride))
            case = f"{called(kind, size)} on pictures of shape {(2, n_in, height, width)}"
            tensor_of(out, shape, dtype=str(dtype).removeprefix("torch."), case=case)


def agrees(kind, truth, sizes, rng, *, training):
    """Random weights and pictures give what PyTorch's functions give."""
    for size in sizes:
        block, x = made(kind, size, rng, training=training)
        weights = {name: value.clone() for name, value in block.state_dict().items()}
        words = "in training" if training else "in evaluation"
        case = f"{called(kind, size)} with random weights, {words}, on {spelled(x)}"
        close(block(tensor(x)), truth(tensor(x), weights, **size[2], training=training), case=case)


def gradients_agree(kind, truth, sizes, rng):
    """The gradients of the pictures and of every parameter are those of PyTorch's functions."""
    for size in sizes:
        block, x = made(kind, size, rng)
        names = [name for name, _ in block.named_parameters()]
        kept = dict(block.named_buffers())
        given = {name: value.detach().numpy() for name, value in block.named_parameters()}

        def f(x, *weights, block=block, names=names):
            return functional_call(block, dict(zip(names, weights, strict=True)), x)

        def expected(x, *weights, names=names, kept=kept, settings=size[2]):
            return truth(x, {**kept, **dict(zip(names, weights, strict=True))}, **settings)

        gradients(f, {"x": x, **given}, rng=rng, case=called(kind, size), truth=expected)


def leaves_alone(kind, size, rng):
    """The pictures that a block was given are as they were."""
    block, x = made(kind, size, rng)
    given = tensor(x)
    with torch.no_grad():
        block(given)
    close(given, x, case=f"{called(kind, size)}: x itself after the forward, which others still need")


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


wrong(
    residual.BasicBlock,
    "relu comes before the sum, so a block can only add and the result may be negative",
    "return F.relu(added + self.shortcut(x), inplace=True)",
    "return F.relu(added) + self.shortcut(x)",
)
wrong(
    residual.BasicBlock,
    "relu comes before the sum as well as after it",
    "added = self.norm2(self.conv2(added))",
    "added = F.relu(self.norm2(self.conv2(added)))",
)
wrong(
    residual.BasicBlock,
    "relu after the sum is missing",
    "return F.relu(added + self.shortcut(x), inplace=True)",
    "return added + self.shortcut(x)",
)
wrong(
    residual.BasicBlock,
    "relu between the two convolutions is missing",
    "F.relu(self.norm1(self.conv1(x)), inplace=True)",
    "self.norm1(self.conv1(x))",
)
wrong(residual.BasicBlock, "the shortcut is forgotten: this is a plain block", "added + self.shortcut(x)", "added")
wrong(
    residual.BasicBlock,
    "x is added as it is, even where its shape does not fit",
    "added + self.shortcut(x)",
    "added + x",
)
wrong(
    residual.BasicBlock,
    "the shortcut takes the result of conv1, where it should take x",
    """added = self.norm2(self.conv2(added))
        # The input itself goes past them, in the shape of the output, and relu comes after the sum.
        return F.relu(added + self.shortcut(x), inplace=True)""",
    """return F.relu(self.norm2(self.conv2(added)) + added)""",
)
wrong(
    residual.BasicBlock,
    "the stride is on the second convolution",
    """3, stride=stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)""",
    """3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, stride=stride, padding=1, bias=False)""",
)
wrong(
    residual.BasicBlock,
    "both convolutions have the stride",
    "nn.Conv2d(channels, channels, 3, padding=1",
    "nn.Conv2d(channels, channels, 3, stride=stride, padding=1",
)
wrong(
    residual.BasicBlock,
    "the convolutions are not padded, so pictures shrink",
    "nn.Conv2d(channels, channels, 3, padding=1, ",
    "nn.Conv2d(channels, channels, 3, ",
)
wrong(
    residual.BasicBlock,
    "the convolutions have a bias, which the norm after them takes away again",
    "3, stride=stride, padding=1, bias=False)",
    "3, stride=stride, padding=1)",
)
wrong(
    residual.BasicBlock,
    "one norm serves both convolutions",
    "self.norm2(self.conv2(added))",
    "self.norm1(self.conv2(added))",
)
wrong(
    residual.BasicBlock,
    "the second norm stands before its convolution",
    "self.norm2(self.conv2(added))",
    "self.conv2(self.norm2(added))",
)
wrong(residual.BasicBlock, "padded is not looked at", "stride=stride, padded=padded)", "stride=stride)")
wrong(
    residual.BasicBlock,
    "the sum is added into x itself, which others still need",
    "F.relu(added + self.shortcut(x), inplace=True)",
    "F.relu(self.shortcut(x).add_(added))",
)
wrong(
    residual.BasicBlock,
    "gradients pass only by the shortcut: what is added is cut from the graph",
    "F.relu(added + self.shortcut(x), inplace=True)",
    "F.relu(added.detach() + self.shortcut(x))",
)


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


wrong(
    residual.Bottleneck,
    "stride_in_1x1 the wrong way round: the stride is on the 1x1 convolution unless it is asked for",
    "(stride, 1) if stride_in_1x1 else (1, stride)",
    "(1, stride) if stride_in_1x1 else (stride, 1)",
)
wrong(
    residual.Bottleneck,
    "stride_in_1x1 is not looked at",
    "(stride, 1) if stride_in_1x1 else (1, stride)",
    "(1, stride)",
)
wrong(
    residual.Bottleneck,
    "the stride is on the last convolution",
    """3, stride=second, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)
        self.conv3 = nn.Conv2d(channels, 4 * channels, 1, bias=False)""",
    """3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)
        self.conv3 = nn.Conv2d(channels, 4 * channels, 1, stride=second, bias=False)""",
)
wrong(
    residual.Bottleneck,
    "the last convolution does not widen: the result has `channels` channels",
    """self.conv3 = nn.Conv2d(channels, 4 * channels, 1, bias=False)
        self.norm3 = nn.BatchNorm2d(4 * channels)
        self.shortcut = shortcut_for(in_channels, 4 * channels,""",
    """self.conv3 = nn.Conv2d(channels, channels, 1, bias=False)
        self.norm3 = nn.BatchNorm2d(channels)
        self.shortcut = shortcut_for(in_channels, channels,""",
)
wrong(
    residual.Bottleneck,
    "the 3x3 convolution is not padded, so pictures shrink",
    "stride=second, padding=1,",
    "stride=second,",
)
wrong(
    residual.Bottleneck,
    "relu after the second norm is missing",
    "F.relu(self.norm2(self.conv2(added)), inplace=True)",
    "self.norm2(self.conv2(added))",
)
wrong(
    residual.Bottleneck,
    "relu after the first norm is missing",
    "F.relu(self.norm1(self.conv1(x)), inplace=True)",
    "self.norm1(self.conv1(x))",
)
wrong(
    residual.Bottleneck,
    "relu comes before the sum as well as after it",
    "added = self.norm3(self.conv3(added))",
    "added = F.relu(self.norm3(self.conv3(added)))",
)
wrong(
    residual.Bottleneck,
    "relu comes before the sum, and none after it",
    "return F.relu(added + self.shortcut(x), inplace=True)",
    "return F.relu(added) + self.shortcut(x)",
)
wrong(residual.Bottleneck, "the shortcut is forgotten: this is a plain block", "added + self.shortcut(x)", "added")
wrong(
    residual.Bottleneck,
    "x is added as it is, even where its shape does not fit",
    "added + self.shortcut(x)",
    "added + x",
)
wrong(
    residual.Bottleneck,
    "one norm serves the first two convolutions",
    "self.norm2(self.conv2(added))",
    "self.norm1(self.conv2(added))",
)
wrong(
    residual.Bottleneck,
    "the last convolution has a bias, which the norm after it takes away again",
    "4 * channels, 1, bias=False)",
    "4 * channels, 1)",
)
wrong(
    residual.Bottleneck,
    "the middle convolution is as wide as the result, so nothing is saved",
    """self.conv1 = nn.Conv2d(in_channels, channels, 1, stride=first, bias=False)
""",
    """channels *= 4
        self.conv1 = nn.Conv2d(in_channels, channels, 1, stride=first, bias=False)
""",
)
wrong(residual.Bottleneck, "padded is not looked at", "stride=stride, padded=padded)", "stride=stride)")
wrong(
    residual.Bottleneck,
    "gradients pass only by the shortcut: what is added is cut from the graph",
    "F.relu(added + self.shortcut(x), inplace=True)",
    "F.relu(added.detach() + self.shortcut(x))",
)
wrong(
    residual.Bottleneck,
    "the sum is added into x itself, which others still need",
    "F.relu(added + self.shortcut(x), inplace=True)",
    "F.relu(self.shortcut(x).add_(added))",
)
