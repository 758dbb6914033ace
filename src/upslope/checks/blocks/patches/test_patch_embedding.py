"""What PatchEmbedding must do."""

from functools import partial

import numpy as np
import torch
from torch.func import functional_call

from upslope.blocks import patches
from upslope.checks import grades, survives, wrong
from upslope.checks.blocks.tensors import filled, gradients, holding, holds, tensor
from upslope.checks.expect import close, raises, tensor_of
from upslope.checks.laws import learns
from upslope.checks.samples import some, spelled

# Batch, channels, height, width, patch_size, dim.
CUTS = ((1, 1, 2, 4, 2, 1), (2, 1, 4, 2, 2, 3), (1, 3, 3, 6, 3, 2), (2, 2, 4, 6, 2, 5), (1, 2, 3, 2, 1, 3))


def cutter(channels, patch_size, dim):
    """The layer, and the call in words."""
    layer = patches.PatchEmbedding(in_channels=channels, patch_size=patch_size, dim=dim)
    return layer, f"PatchEmbedding(in_channels={channels}, patch_size={patch_size}, dim={dim})"


def one_by_one(x, weight, bias):
    """Every patch cut out, row by row, and multiplied with every filter, in float64 NumPy."""
    size = weight.shape[-1]
    out = []
    for picture in x:
        corners = [(r, c) for r in range(0, x.shape[2], size) for c in range(0, x.shape[3], size)]
        cut = [picture[:, r : r + size, c : c + size] for r, c in corners]
        out.append([[float((patch * one).sum() + b) for one, b in zip(weight, bias, strict=True)] for patch in cut])
    return np.array(out)


@grades(patches.PatchEmbedding)
def test_patches_parameters(rng):
    """one convolution, projection, with a filter as large as a patch, and a bias"""
    layer, case = cutter(3, 4, 5)
    holds(layer, {"projection.weight": [5, 3, 4, 4], "projection.bias": [5]}, case=case)


@grades(patches.PatchEmbedding)
def test_patches_shape_and_dtype(rng):
    """(B, C, H, W) becomes (B, T, dim), one token for each patch"""
    for dtype in (torch.float32, torch.float64):
        for batch, channels, height, width, size, dim in CUTS:
            layer, case = cutter(channels, size, dim)
            out = layer.to(dtype)(torch.zeros(batch, channels, height, width, dtype=dtype))
            shape = (batch, height // size * (width // size), dim)
            case += f" on pictures of shape {(batch, channels, height, width)}"
            tensor_of(out, shape, dtype=str(dtype).removeprefix("torch."), case=case)


@grades(patches.PatchEmbedding)
def test_patches_by_hand(rng):
    """with weights of 1 [[1, 2, 5, 6], [3, 4, 7, 8]] becomes [[10], [26]]"""
    layer, case = cutter(1, 2, 1)
    holding(layer, {"projection.weight": np.ones((1, 1, 2, 2)), "projection.bias": [0.0]})
    x = tensor([[[[1.0, 2.0, 5.0, 6.0], [3.0, 4.0, 7.0, 8.0]]]])
    case += " with weights of 1, bias 0 on [[1, 2, 5, 6], [3, 4, 7, 8]]"
    close(layer(x), [[[10.0], [26.0]]], case=case)


@grades(patches.PatchEmbedding)
def test_patches_random(rng):
    """random pictures: each patch cut out and multiplied, row by row"""
    for batch, channels, height, width, size, dim in CUTS:
        layer, case = cutter(channels, size, dim)
        filled(layer, rng)
        x = some(rng, batch, channels, height, width)
        weight, bias = (value.detach().numpy() for value in layer.projection.parameters())
        close(layer(tensor(x)), one_by_one(x, weight, bias), case=f"{case} with random weights on {spelled(x)}")


@grades(patches.PatchEmbedding)
def test_patches_gradient(rng):
    """the gradients of picture, weights and bias agree with finite differences"""
    layer, case = cutter(1, 2, 2)
    values = {name: value.detach().numpy() for name, value in filled(layer, rng).named_parameters()}

    def f(x, *weights):
        return functional_call(layer, dict(zip(values, weights, strict=True)), x)

    x = some(rng, 1, 1, 4, 2)
    gradients(f, {"x": x, **values}, rng=rng, case=f"{case} on {spelled(x)}")


@grades(patches.PatchEmbedding)
def test_patches_memory_order(rng):
    """channels last in memory, and transposed pictures, are read as they lie"""
    layer, case = cutter(2, 2, 3)
    filled(layer, rng)
    x = tensor(some(rng, 2, 2, 4, 6))
    weight, bias = (value.detach().numpy() for value in layer.projection.parameters())
    last = x.to(memory_format=torch.channels_last)
    for words, view in (("channels last in memory", last), ("H and W exchanged", x.transpose(2, 3))):
        close(layer(view), one_by_one(np.array(view.tolist()), weight, bias), case=f"{case}, {words}")


@grades(patches.PatchEmbedding)
def test_patches_refuse(rng):
    """a side that patch_size does not divide raises a ValueError that says so"""
    layer, case = cutter(1, 4, 2)
    for height, width in ((30, 30), (30, 32), (32, 30)):
        call = partial(layer, torch.zeros(1, 1, height, width))
        says = ["patch_size=4", f"{height} x {width}"]
        raises(ValueError, call, case=f"{case} on pictures of {height} x {width}", says=says)


@grades(patches.PatchEmbedding)
def test_learns(rng):
    """a plain backward pass, in training and in evaluation, reaches every parameter and the input"""
    module = filled(patches.PatchEmbedding(in_channels=2, patch_size=2, dim=3), rng)
    learns(module, tensor(some(rng, 2, 2, 4, 6)), case="PatchEmbedding(in_channels=2, patch_size=2, dim=3)")


wrong(
    patches.PatchEmbedding,
    {
        "the stride is 1, so patches overlap": ("kernel_size=patch_size, stride=patch_size", "kernel_size=patch_size"),
        "the patches are read column by column": ("B D h w -> B (h w) D", "B D h w -> B (w h) D"),
        "tokens and their numbers are exchanged: (B, dim, T)": ("B D h w -> B (h w) D", "B D h w -> B D (h w)"),
        "a plain reshape to (B, T, dim), which mixes the numbers of different patches": (
            'rearrange(self.projection(x), "B D h w -> B (h w) D")',
            "self.projection(x).reshape(len(x), -1, self.projection.out_channels)",
        ),
        "a side that patch_size does not divide is accepted, and its border lost in silence": (
            "if height % self.patch_size or width % self.patch_size:",
            "if False:",
        ),
        "only the height is looked at": (
            "if height % self.patch_size or width % self.patch_size:",
            "if height % self.patch_size:",
        ),
        "a picture is refused only if both sides do not fit": (
            "% self.patch_size or width",
            "% self.patch_size and width",
        ),
        "the sentence names the width first": ("{height} x {width}", "{width} x {height}"),
        "the projection has no bias": ("stride=patch_size)", "stride=patch_size, bias=False)"),
        "height and width are exchanged before the cutting": (
            "self.projection(x)",
            "self.projection(x.transpose(2, 3))",
        ),
        "the picture is lined up by view, which only the usual memory order allows": (
            'rearrange(self.projection(x), "B D h w -> B (h w) D")',
            "self.projection(x.view(-1).view(x.shape)).flatten(2).transpose(1, 2)",
        ),
        "the projection is cut from the graph, so it never learns": (
            "self.projection(x)",
            "self.projection(x).detach()",
        ),
    },
)
survives(
    patches.PatchEmbedding,
    {
        "the last two of four dimensions are those from the third on": [("x.shape[-2:]", "x.shape[(2):]")],
    },
)
