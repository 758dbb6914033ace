"""What occlusion must do."""

import numpy as np
import torch

from upslope.checks import grades, wrong
from upslope.checks.blocks.tensors import tensor
from upslope.checks.expect import close, equal, tensor_of, true
from upslope.checks.samples import some, spelled
from upslope.explain import occlusion as module

# Channels, height, width; window and stride.
CASES = (
    ((1, 3, 3), 2, 1),
    ((1, 5, 4), 2, 2),
    ((2, 4, 7), 3, 2),
    ((3, 6, 5), 2, 3),
    ((1, 5, 6), 5, 1),
    ((2, 3, 4), 1, 1),
)


class Weighed:
    """A score that squares a weighted sum of the pixels, and remembers what it was asked."""

    def __init__(self, weights):
        self.weights, self.asked = tensor(weights), 0

    def __call__(self, pictures):
        self.asked += len(pictures)
        return (pictures * self.weights).flatten(1).sum(dim=1).square()


def brightness(pictures):
    return pictures.flatten(1).sum(dim=1)


def one_by_one(x, weights, window, stride, value):
    """The same in NumPy, a position and a pixel at a time."""
    _, height, width = x.shape
    rows, columns = (max(0, -(-(size - window) // stride)) + 1 for size in (height, width))
    found = np.zeros((rows, columns))
    for i in range(rows):
        for j in range(columns):
            covered = x.copy()
            for row in range(i * stride, min(i * stride + window, height)):
                for column in range(j * stride, min(j * stride + window, width)):
                    covered[:, row, column] = value
            found[i, j] = (x * weights).sum() ** 2 - (covered * weights).sum() ** 2
    return found


def said(x, window, stride, value=0, score="(sum of w x)^2"):
    return f"score = {score}, x = {spelled(x)}, window = {window}, stride = {stride}, value = {value}"


def compared(rng, cases, value=0.0):
    for shape, window, stride in cases:
        x, weights = some(rng, *shape), some(rng, *shape)
        got = module.occlusion(Weighed(weights), tensor(x), window=window, stride=stride, value=value)
        close(got, one_by_one(x, weights, window, stride, value), case=said(x, window, stride, value))


@grades(module.occlusion)
def test_occlusion_by_hand(rng):
    """the brightness of [[1, 2, 3], [4, 5, 6], [7, 8, 9]] under a square of 2: [[12, 16], [24, 28]]"""
    x = np.arange(1.0, 10).reshape(1, 3, 3)
    got = module.occlusion(brightness, tensor(x), window=2, stride=1)
    close(got, [[12.0, 16.0], [24.0, 28.0]], case=said(x, 2, 1, score="sum of x"))


@grades(module.occlusion)
def test_occlusion_shape(rng):
    """one number for each position down and across, in the picture's dtype, and no graph"""
    for name in ("float32", "float64"):
        picture = torch.from_numpy(some(rng, 3, 5, 8)).to(getattr(torch, name)).requires_grad_()
        case = f"a picture of shape (3, 5, 8) in {name}, window = 2, stride = 2"
        got = module.occlusion(brightness, picture, window=2, stride=2)
        tensor_of(got, (3, 4), dtype=name, case=case)
        true(not got.requires_grad, "the result hangs on a graph", case=case)


@grades(module.occlusion)
def test_occlusion_random(rng):
    """random scores and pictures, a position and a pixel at a time"""
    compared(rng, CASES)


@grades(module.occlusion)
def test_occlusion_value(rng):
    """covered with another value: what is there is replaced, in every channel"""
    compared(rng, CASES[1:4], value=0.75)
    x = some(rng, 3, 4, 4)
    colour = tensor([0.5, -1, 2]).reshape(3, 1, 1)
    got = module.occlusion(brightness, tensor(x), window=2, stride=2, value=colour)
    lost = x - colour.numpy()
    expected = lost.reshape(3, 2, 2, 2, 2).sum(axis=(0, 2, 4))
    close(got, expected, case=said(x, 2, 2, "one for each channel", "sum of x"))


@grades(module.occlusion)
def test_occlusion_at_the_far_edge(rng):
    """a last square that hangs over the edge is cut off; one larger than the picture covers all of it"""
    compared(rng, (((1, 4, 6), 3, 2), ((1, 3, 7), 2, 4), ((1, 2, 2), 5, 1), ((2, 3, 5), 4, 3)), value=0.5)


@grades(module.occlusion)
def test_occlusion_of_all_classes(rng):
    """a score of several numbers, one for each class, has a map for each"""
    x, weights = some(rng, 1, 4, 3), some(rng, 4 * 3, 5)

    def score(pictures):
        return pictures.flatten(1) @ tensor(weights)

    got = module.occlusion(score, tensor(x), window=2, stride=1)
    equal(tuple(got.shape), (3, 2, 5), case="a score of 5 classes: the shape")
    for row in range(3):
        for column in range(2):
            there = np.zeros((4, 3))
            there[row : row + 2, column : column + 2] = x[0, row : row + 2, column : column + 2]
            close(got[row, column], there.ravel() @ weights, case=f"a score of 5 classes, position {row}, {column}")


@grades(module.occlusion)
def test_occlusion_leaves_the_picture(rng):
    """the picture stays as it was"""
    x = some(rng, 2, 4, 4)
    given = tensor(x)
    module.occlusion(brightness, given, window=2, stride=1, value=9.0)
    close(given, x, case="the picture afterwards")


wrong(
    module.occlusion,
    {
        "the sign is reversed: what spoke for the score is negative": (
            "whole - score(covered)",
            "score(covered) - whole",
        ),
        "the score of the covered picture itself, not by how much it falls": (
            "whole - score(covered)",
            "score(covered)",
        ),
        "everything but the square is covered": (
            "copy[:, top : top + window, left : left + window] = value",
            "kept = copy[:, top : top + window, left : left + window].clone(); copy[:] = value; "
            "copy[:, top : top + window, left : left + window] = kept",
        ),
        "only the first channel is covered": ("copy[:, top", "copy[0, top"),
        "the value is added to what is there": ("= value", "+= value"),
        "the square is always covered with 0": ("= value", "= 0"),
        "the square moves by its own width, whatever the stride is": (
            "+ stride, stride) for size",
            "+ window, window) for size",
        ),
        "a last square that would hang over the edge is left out": (
            "range(0, max(size - window, 0) + stride, stride)",
            "range(0, max(size - window, 0) + 1, stride)",
        ),
        "rows and columns are exchanged": ("in x.shape[-2:])", "in x.shape[:-3:-1])"),
        "squares stay covered while the next one is tried": (
            "covered = x.repeat(len(columns), 1, 1, 1)",
            "covered = x.clone().expand(len(columns), *x.shape)",
        ),
        "the picture that was given is covered, too": (
            "covered = x.repeat(len(columns), 1, 1, 1)",
            "covered = x.expand(len(columns), *x.shape)",
        ),
        "the result is flat: the positions lie in one row": ("torch.stack(lost)", "torch.cat(lost)"),
    },
)
