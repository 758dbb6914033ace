"""What cutmix must do."""

import math

import numpy as np
import torch

from upslope.blocks import mixing
from upslope.checks import wrong
from upslope.checks.blocks.tensors import TorchOp
from upslope.checks.expect import Mismatch
from upslope.checks.samples import some

# Batch, channels, height, width, classes; the share and the center.
SIZES = (
    ((2, 1, 3, 3), 2, 0.5, (1, 2)),
    ((2, 1, 4, 4), 2, 0.75, (2, 1)),
    ((3, 2, 5, 3), 3, 0.4, (0, 2)),
    ((2, 1, 3, 6), 2, 0.1, (2, 5)),
    ((4, 1, 7, 5), 4, 0.55, (6, 0)),
    ((2, 2, 4, 3), 2, 1.0, (1, 1)),
    ((3, 1, 3, 3), 3, 0.0, (1, 1)),
)


def together(images, targets, partners, share, center):
    """Images and targets in one row for each sample."""
    got = mixing.cutmix(images, targets, partners=partners, share=share, center=center)
    if type(got) is not tuple or len(got) != 2:
        raise Mismatch("what came back is not a pair", got=type(got).__name__, expected="(images, targets)")
    if got[0].shape != images.shape:
        raise Mismatch("the images have another shape", got=str(tuple(got[0].shape)), expected=str(tuple(images.shape)))
    return torch.cat([got[0].flatten(1), got[1]], dim=1)


def pixel_by_pixel(images, targets, partners, share, center):
    """Each pixel asks whether it lies in the box; those that do are counted."""
    height, width = images.shape[2:]
    tall, wide = math.floor(height * math.sqrt(1 - share)), math.floor(width * math.sqrt(1 - share))
    mixed, pasted = images.copy(), 0
    for row in range(height):
        for column in range(width):
            down, across = row - (center[0] - tall // 2), column - (center[1] - wide // 2)
            if 0 <= down < tall and 0 <= across < wide:
                mixed[:, :, row, column] = images[partners, :, row, column]
                pasted += 1
    kept = 1 - pasted / (height * width)
    return np.concatenate([mixed.reshape(len(mixed), -1), kept * targets + (1 - kept) * targets[partners]], axis=1)


def others(rng, batch):
    """For each sample a partner that is somebody else, where there is one."""
    order = rng.permutation(batch)
    partners = np.empty(batch, dtype=np.int64)
    partners[order] = np.roll(order, 1)
    return partners


def drawn(rng):
    for shape, classes, share, center in SIZES:
        yield {
            "images": some(rng, *shape),
            "targets": rng.dirichlet(np.ones(classes), shape[0]),
            "partners": others(rng, shape[0]),
            "share": share,
            "center": center,
        }


def anywhere(rng):
    for _ in range(6):
        height, width = rng.integers(3, 9, 2)
        yield {
            "images": some(rng, 3, 1, int(height), int(width)),
            "targets": np.eye(3),
            "partners": rng.permutation(3),
            "share": float(rng.uniform(0, 1)),
            "center": (int(rng.integers(height)), int(rng.integers(width))),
        }


CUTMIX = TorchOp(mixing.cutmix, samples=drawn, truth=pixel_by_pixel, call=together)
SIXTEEN = np.arange(16.0).reshape(1, 4, 4)
PAIR = {
    "images": np.stack([SIXTEEN, SIXTEEN + 100]),
    "targets": np.eye(2),
    "partners": np.array([1, 0]),
    "share": 0.75,
    "center": (0, 0),
}
CORNER = [[100.0, *range(1, 16), 15 / 16, 1 / 16], [0.0, *range(101, 116), 1 / 16, 15 / 16]]

test_shape_and_dtype = CUTMIX.shape("images and targets of the shapes and dtype that came")
test_by_hand = CUTMIX.by_hand("of a box of 2 x 2 at the corner 1 x 1 lies inside: 15/16 stays", (PAIR, CORNER))
test_random = CUTMIX.random("boxes inside, at borders and corners, of nothing and of all: pixel by pixel")
test_anywhere = CUTMIX.random("random shares and centers: pixel by pixel", anywhere)
test_gradient = CUTMIX.gradient("the gradients of images and targets agree with finite differences")
test_large = CUTMIX.large(
    "a batch of 32 color pictures",
    lambda rng: [
        {
            "images": some(rng, 32, 3, 16, 16),
            "targets": np.eye(10)[rng.integers(0, 10, 32)],
            "partners": rng.permutation(32),
            "share": 0.6,
            "center": (3, 12),
        }
    ],
)
test_laws = CUTMIX.laws("the laws of every operation: calls, passes and memory do not get mixed up")


wrong(
    mixing.cutmix,
    {
        "the labels go by the share that was asked for, not by the pixels that were pasted": (
            "kept = 1 - (bottom - top) * (right - left) / (height * width)",
            "kept = share",
        ),
        "the sides have the area's share, not its root: the box is too small": ("math.sqrt(1 - share)", "(1 - share)"),
        "the box has the share that should stay": ("math.sqrt(1 - share)", "math.sqrt(share)"),
        "the box begins at the center": (
            "center[0] - rows // 2, center[1] - columns // 2",
            "center[0], center[1]",
        ),
        "a box that begins outside wraps around to the other side": (
            "top, left = max(top, 0), max(left, 0)",
            "top, left = top % height, left % width",
        ),
        "rows and columns of the center are exchanged": (
            "center[0] - rows // 2, center[1] - columns // 2",
            "center[1] - rows // 2, center[0] - columns // 2",
        ),
        "the labels of picture and partner are exchanged": (
            "kept * targets + (1 - kept) * targets[partners]",
            "(1 - kept) * targets + kept * targets[partners]",
        ),
        "the box is black: it is cut out, and nothing is pasted": (
            "= images[partners, :, top:bottom, left:right]",
            "= 0",
        ),
        "the box is moved back inside, and not cut off": (
            "top, left = center[0] - rows // 2, center[1] - columns // 2",
            (
                "top, left = min(max(center[0] - rows // 2, 0), height - rows), "
                "min(max(center[1] - columns // 2, 0), width - columns)"
            ),
        ),
        "images and targets are always float64": ("mixed = images.clone()", "mixed = images.double()"),
        "pictures are changed in place": ("mixed = images.clone()", "mixed = images.data"),
    },
)
