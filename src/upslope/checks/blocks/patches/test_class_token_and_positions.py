"""What ClassTokenAndPositions must do."""

import math

import numpy as np
import torch
from torch.func import functional_call

from upslope.blocks import patches
from upslope.checks import grades, survives, wrong
from upslope.checks.blocks.tensors import filled, gradients, holding, holds, tensor
from upslope.checks.expect import close, tensor_of, true
from upslope.checks.laws import learns
from upslope.checks.samples import some, spelled

SEQUENCES = ((1, 1, 1), (1, 2, 3), (3, 2, 2), (2, 4, 5))  # batch, tokens, dim


def tokens(kind_of, count, dim):
    """The layer, and the call in words."""
    return kind_of(tokens=count, dim=dim), f"ClassTokenAndPositions(tokens={count}, dim={dim})"


@grades(patches.ClassTokenAndPositions)
def test_class_parameters(rng):
    """class_token (1, 1, dim) and positions (1, 1 + T, dim), both learned"""
    layer, case = tokens(patches.ClassTokenAndPositions, 4, 3)
    holds(layer, {"class_token": [1, 1, 3], "positions": [1, 5, 3]}, case=case)
    names = sorted(name for name, _ in layer.named_parameters())
    problem = "an optimizer would not find them all"
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


@grades(patches.ClassTokenAndPositions)
def test_learns(rng):
    """a plain backward pass, in training and in evaluation, reaches every parameter and the input"""
    module = filled(patches.ClassTokenAndPositions(tokens=3, dim=2), rng)
    learns(module, tensor(some(rng, 2, 3, 2)), case="ClassTokenAndPositions(tokens=3, dim=2)")


wrong(
    patches.ClassTokenAndPositions,
    {
        "the class token comes last": ("torch.cat([first, x], dim=1)", "torch.cat([x, first], dim=1)"),
        "the positions are added to the patches alone, the class token gets none": (
            "torch.cat([first, x], dim=1) + self.positions",
            "torch.cat([first, x + self.positions[:, 1:]], dim=1)",
        ),
        "the positions are added before the class token is there, so every patch gets its neighbour's": (
            "torch.cat([first, x], dim=1) + self.positions",
            "torch.cat([first + self.positions[:, -1:], x + self.positions[:, :-1]], dim=1)",
        ),
        "the class token is added to every patch, not put before them": (
            "torch.cat([first, x], dim=1)",
            "torch.cat([first, x + first], dim=1)",
        ),
        "the class token is not repeated for every picture of the batch": (
            "self.class_token.expand(x.shape[0], -1, -1)",
            "self.class_token",
        ),
        "the positions are there but not added": (
            "torch.cat([first, x], dim=1) + self.positions",
            "torch.cat([first, x], dim=1)",
        ),
        "the positions are multiplied in, not added": ("dim=1) + self.positions", "dim=1) * self.positions"),
        "there is no place for the class token among the positions": (
            "torch.randn(1, 1 + tokens, dim)",
            "torch.randn(1, tokens, dim)",
        ),
        "the positions are a plain tensor, so no optimizer and no file of weights holds them": (
            "nn.Parameter(torch.randn(1, 1 + tokens, dim) * 0.02)",
            "torch.randn(1, 1 + tokens, dim) * 0.02",
        ),
        "the positions are a buffer: they are stored and never learned": (
            "self.positions = nn.Parameter(torch.randn(1, 1 + tokens, dim) * 0.02)",
            'self.register_buffer("positions", torch.randn(1, 1 + tokens, dim) * 0.02)',
        ),
        "the noise has a standard deviation of 1, as large as what it is added to": (
            "torch.randn(1, 1 + tokens, dim) * 0.02",
            "torch.randn(1, 1 + tokens, dim)",
        ),
        "the class token begins at 0, not as noise": ("torch.randn(1, 1, dim) * 0.02", "torch.zeros(1, 1, dim)"),
        "the noise is uniform between -0.02 and 0.02, not normal": (
            "torch.randn(1, 1, dim) * 0.02",
            "torch.rand(1, 1, dim) * 0.04 - 0.02",
        ),
        "x is changed in place": (
            "torch.cat([first, x], dim=1) + self.positions",
            "torch.cat([first + self.positions[:, :1], x.add_(self.positions[:, 1:])], dim=1)",
        ),
        "the class token is cut from the graph, so it never learns": (
            "self.class_token.expand",
            "self.class_token.detach().expand",
        ),
    },
)
survives(
    patches.ClassTokenAndPositions,
    {
        "-1 leaves the size as it is, which is 1": [("x.shape[0], -1, -1)", "x.shape[0], (1), -1)")],
    },
)
