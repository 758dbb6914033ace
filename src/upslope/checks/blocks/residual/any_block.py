"""What any residual block must do, whatever stands on its branch, with PyTorch's functions to compare it with."""

from typing import Any

import torch
from torch.func import functional_call
from torch.nn import functional as F

from upslope.checks.blocks.tensors import filled, gradients, tensor
from upslope.checks.expect import close, tensor_of
from upslope.checks.samples import some, spelled

Size = tuple[int, int, dict[str, Any], int, int]  # in_channels, channels, settings, height, width


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
