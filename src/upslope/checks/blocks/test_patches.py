"""What PatchEmbedding and ClassTokenAndPositions must do."""

import math
from functools import partial

import numpy as np
import torch
from torch.func import functional_call

from upslope.blocks import patches
from upslope.checks import grades, wrong
from upslope.checks.blocks.tensors import filled, gradients, holding, holds, tensor
from upslope.checks.expect import close, raises, tensor_of, true
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


wrong(
    patches.PatchEmbedding,
    "the stride is 1, so patches overlap",
    "kernel_size=patch_size, stride=patch_size",
    "kernel_size=patch_size",
)
wrong(patches.PatchEmbedding, "the patches are read column by column", "B D h w -> B (h w) D", "B D h w -> B (w h) D")
wrong(
    patches.PatchEmbedding,
    "tokens and their numbers are exchanged: (B, dim, T)",
    "B D h w -> B (h w) D",
    "B D h w -> B D (h w)",
)
wrong(
    patches.PatchEmbedding,
    "a plain reshape to (B, T, dim), which mixes the numbers of different patches",
    'rearrange(self.projection(x), "B D h w -> B (h w) D")',
    "self.projection(x).reshape(len(x), -1, self.projection.out_channels)",
)
wrong(
    patches.PatchEmbedding,
    "a side that patch_size does not divide is accepted, and its border lost in silence",
    "if height % self.patch_size or width % self.patch_size:",
    "if False:",
)
wrong(
    patches.PatchEmbedding,
    "only the height is looked at",
    "if height % self.patch_size or width % self.patch_size:",
    "if height % self.patch_size:",
)
wrong(
    patches.PatchEmbedding,
    "a picture is refused only if both sides do not fit",
    "% self.patch_size or width",
    "% self.patch_size and width",
)
wrong(patches.PatchEmbedding, "the sentence names the width first", "{height} x {width}", "{width} x {height}")
wrong(patches.PatchEmbedding, "the projection has no bias", "stride=patch_size)", "stride=patch_size, bias=False)")
wrong(
    patches.PatchEmbedding,
    "height and width are exchanged before the cutting",
    "self.projection(x)",
    "self.projection(x.transpose(2, 3))",
)
wrong(
    patches.PatchEmbedding,
    "the picture is lined up by view, which only the usual memory order allows",
    'rearrange(self.projection(x), "B D h w -> B (h w) D")',
    "self.projection(x.view(-1).view(x.shape)).flatten(2).transpose(1, 2)",
)
wrong(
    patches.PatchEmbedding,
    "the projection is cut from the graph, so it never learns",
    "self.projection(x)",
    "self.projection(x).detach()",
)


def tokens(kind_of, count, dim):
    """The layer, and the call in words."""
    return kind_of(tokens=count, dim=dim), f"ClassTokenAndPositions(tokens={count}, dim={dim})"


SEQUENCES = ((1, 1, 1), (1, 2, 3), (3, 2, 2), (2, 4, 5))  # batch, tokens, dim


@grades(patches.ClassTokenAndPositions)
def test_class_parameters(rng):
    """class_token (1, 1, dim) and positions (1, 1 + T, dim), both learned"""
    layer, case = tokens(patches.ClassTokenAndPositions, 4, 3)
    holds(layer, {"class_token": [1, 1, 3], "positions": [1, 5, 3]}, case=case)
    names = sorted(name for name, _ in layer.named_parameters())
    problem = "an optimiser would not find them all"
    true(names == ["class_token", "positions"], problem, case=f"{case}.named_parameters()", got=names)


@grades(patches.ClassTokenAndPositions)
def test_class_shape_and_dtype(rng):
    """(B, T, dim) becomes (B, 1 + T, dim); an empty batch stays empty"""
    for dtype in (torch.float32, torch.float64):
        for batch, count, dim in (*SEQUENCES, (0, 2, 3)):
            layer, case = tokens(patches.ClassTokenAndPositions, count, dim)
            out = layer.to(dtype)(torch.zeros(batch, count, dim, dtype=dtype))
            case += f" on numbers of shape {(batch, count, dim)}"
            tensor_of(out, (batch, 1 + count, dim), dtype=str(dtype).removeprefix("torch."), case=case)


@grades(patches.ClassTokenAndPositions)
def test_class_by_hand(rng):
    """class token first, then the places: [[1], [2]] becomes [[109], [201], [302]]"""
    layer, _ = tokens(patches.ClassTokenAndPositions, 2, 1)
    holding(layer, {"class_token": [[[9.0]]], "positions": [[[100.0], [200.0], [300.0]]]})
    case = "class_token [9], positions [[100], [200], [300]] on [[1], [2]]"
    close(layer(tensor([[[1.0], [2.0]]])), [[[109.0], [201.0], [302.0]]], case=case)


@grades(patches.ClassTokenAndPositions)
def test_class_random(rng):
    """the same token and places for every picture; x itself is not changed"""
    for batch, count, dim in SEQUENCES:
        layer, case = tokens(patches.ClassTokenAndPositions, count, dim)
        first, places = some(rng, 1, 1, dim), some(rng, 1, 1 + count, dim)
        holding(layer, {"class_token": first, "positions": places})
        x = some(rng, batch, count, dim)
        given = tensor(x)
        expected = np.stack([np.concatenate([first[0], picture]) + places[0] for picture in x])
        case += f" on {spelled(x)}"
        close(layer(given), expected, case=case)
        close(given, x, case=f"{case}: x itself afterwards")


@grades(patches.ClassTokenAndPositions)
def test_class_gradient(rng):
    """the class token and the positions gather the gradients of all pictures"""
    for batch, count, dim in SEQUENCES[1:3]:
        layer, case = tokens(patches.ClassTokenAndPositions, count, dim)

        def f(x, first, places, layer=layer):
            return functional_call(layer, {"class_token": first, "positions": places}, x)

        x = some(rng, batch, count, dim)
        values = {"x": x, "class_token": some(rng, 1, 1, dim), "positions": some(rng, 1, 1 + count, dim)}
        gradients(f, values, rng=rng, case=f"{case} on {spelled(x)}")


@grades(patches.ClassTokenAndPositions)
def test_class_at_first(rng):
    """at first both are normal noise of standard deviation 0.02"""
    layer, case = tokens(patches.ClassTokenAndPositions, 7, 4000)
    for name, values in layer.state_dict().items():
        noise = np.array(values.tolist()).ravel()
        spread = float(np.sqrt(np.square(noise).mean()))
        # Chance moves a mean square by five times its standard deviation less than once in a million draws.
        stray = 5 / math.sqrt(2 * noise.size)
        what = f"{case}.{name}"
        close(spread, 0.02, case=f"{what}: standard deviation", rtol=stray, atol=0)
        close(noise.mean(), 0.0, case=f"{what}: mean", rtol=0, atol=0.1 / math.sqrt(noise.size))
        # Of normal numbers 4.6 in 100 lie further out than twice the deviation, of uniform ones none.
        far = float((np.abs(noise) > 2 * spread).mean())
        close(far, 0.0455, case=f"{what}: share beyond twice the deviation", rtol=0, atol=0.02)


wrong(
    patches.ClassTokenAndPositions,
    "the class token comes last",
    "torch.cat([first, x], dim=1)",
    "torch.cat([x, first], dim=1)",
)
wrong(
    patches.ClassTokenAndPositions,
    "the positions are added to the patches alone, the class token gets none",
    "torch.cat([first, x], dim=1) + self.positions",
    "torch.cat([first, x + self.positions[:, 1:]], dim=1)",
)
wrong(
    patches.ClassTokenAndPositions,
    "the positions are added before the class token is there, so every patch gets its neighbour's",
    "torch.cat([first, x], dim=1) + self.positions",
    "torch.cat([first + self.positions[:, -1:], x + self.positions[:, :-1]], dim=1)",
)
wrong(
    patches.ClassTokenAndPositions,
    "the class token is added to every patch, not put before them",
    "torch.cat([first, x], dim=1)",
    "torch.cat([first, x + first], dim=1)",
)
wrong(
    patches.ClassTokenAndPositions,
    "the class token is not repeated for every picture of the batch",
    "self.class_token.expand(x.shape[0], -1, -1)",
    "self.class_token",
)
wrong(
    patches.ClassTokenAndPositions,
    "the positions are there but not added",
    "torch.cat([first, x], dim=1) + self.positions",
    "torch.cat([first, x], dim=1)",
)
wrong(
    patches.ClassTokenAndPositions,
    "the positions are multiplied in, not added",
    "dim=1) + self.positions",
    "dim=1) * self.positions",
)
wrong(
    patches.ClassTokenAndPositions,
    "there is no place for the class token among the positions",
    "torch.randn(1, 1 + tokens, dim)",
    "torch.randn(1, tokens, dim)",
)
wrong(
    patches.ClassTokenAndPositions,
    "the positions are a plain tensor, so no optimiser and no file of weights holds them",
    "nn.Parameter(torch.randn(1, 1 + tokens, dim) * 0.02)",
    "torch.randn(1, 1 + tokens, dim) * 0.02",
)
wrong(
    patches.ClassTokenAndPositions,
    "the positions are a buffer: they are stored and never learned",
    "self.positions = nn.Parameter(torch.randn(1, 1 + tokens, dim) * 0.02)",
    'self.register_buffer("positions", torch.randn(1, 1 + tokens, dim) * 0.02)',
)
wrong(
    patches.ClassTokenAndPositions,
    "the noise has a standard deviation of 1, as large as what it is added to",
    "torch.randn(1, 1 + tokens, dim) * 0.02",
    "torch.randn(1, 1 + tokens, dim)",
)
wrong(
    patches.ClassTokenAndPositions,
    "the class token begins at 0, not as noise",
    "torch.randn(1, 1, dim) * 0.02",
    "torch.zeros(1, 1, dim)",
)
wrong(
    patches.ClassTokenAndPositions,
    "the noise is uniform between -0.02 and 0.02, not normal",
    "torch.randn(1, 1, dim) * 0.02",
    "torch.rand(1, 1, dim) * 0.04 - 0.02",
)
wrong(
    patches.ClassTokenAndPositions,
    "x is changed in place",
    "torch.cat([first, x], dim=1) + self.positions",
    "torch.cat([first + self.positions[:, :1], x.add_(self.positions[:, 1:])], dim=1)",
)
wrong(
    patches.ClassTokenAndPositions,
    "the class token is cut from the graph, so it never learns",
    "self.class_token.expand",
    "self.class_token.detach().expand",
)
