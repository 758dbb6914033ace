"""What unet_block must do."""

import numpy as np
import torch
from torch.nn import functional as F

from upslope.blocks import unet_block as module
from upslope.checks import wrong
from upslope.checks.blocks.tensors import TorchOp
from upslope.checks.samples import some


def unet_block(x, across, kernel=None, filters=None):
    """The block with layers of these weights; without weights the layers change nothing."""
    return module.unet_block(
        x,
        across,
        upsample=lambda maps: maps if kernel is None else F.conv_transpose2d(maps, kernel, stride=2),
        convolutions=lambda maps: maps if filters is None else torch.tanh(F.conv2d(maps, filters, padding=1)),
    )


def drawn(rng, *, cut=((0, 0), (2, 4), (3, 1), (1, 0)), layers=True):
    """Maps to go across that are larger by so many rows and columns."""
    for rows, columns in cut:
        for batch, below, beside, height, width in ((1, 2, 1, 1, 2), (2, 3, 4, 3, 2)):
            doubled = 2 if layers else 1
            across = some(rng, batch, beside, doubled * height + rows, doubled * width + columns)
            sample = {"x": some(rng, batch, below, height, width), "across": across}
            weights = {"kernel": some(rng, below, 2, 2, 2), "filters": some(rng, 3, beside + 2, 3, 3)}
            yield {**sample, **(weights if layers else {})}


def row_by_row(x, across, kernel=None, filters=None):
    if kernel is not None:
        patches = np.einsum("bchw,cukl->buhkwl", x, kernel)
        x = patches.reshape(len(x), kernel.shape[1], 2 * x.shape[2], 2 * x.shape[3])
    while across.shape[2] > x.shape[2]:  # in turn below and above, below first
        across = across[:, :, :-1] if (across.shape[2] - x.shape[2]) % 2 else across[:, :, 1:]
    while across.shape[3] > x.shape[3]:
        across = across[..., :-1] if (across.shape[3] - x.shape[3]) % 2 else across[..., 1:]
    joined = np.concatenate([across, x], axis=1)
    if filters is None:
        return joined
    around = np.pad(joined, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(around, (3, 3), axis=(2, 3))
    return np.tanh(np.einsum("bchwkl,ockl->bohw", windows, filters))


BLOCK = TorchOp(module.unet_block, samples=drawn, truth=row_by_row, call=unet_block)
NINE = np.arange(1.0, 10).reshape(1, 1, 3, 3)
WIDE = np.arange(1.0, 11).reshape(1, 1, 2, 5)

test_shape = BLOCK.shape("what the convolutions give, and the dtype stays")
test_by_hand = BLOCK.by_hand(
    "the middle of [[1, 2, 3], [4, 5, 6], [7, 8, 9]] is 5, and what comes from below lies behind it",
    ({"x": np.zeros((1, 1, 1, 1)), "across": NINE}, [[[[5.0]], [[0.0]]]]),
)
test_odd = BLOCK.by_hand(
    "of an odd number too many, the smaller half is cut above and on the left",
    ({"x": np.zeros((1, 1, 2, 2)), "across": WIDE}, [[[[2.0, 3], [7, 8]], [[0, 0], [0, 0]]]]),
    ({"x": np.zeros((1, 1, 2, 2)), "across": NINE}, [[[[1.0, 2], [4, 5]], [[0, 0], [0, 0]]]]),
)
test_across = BLOCK.random(
    "layers that change nothing: the channels from across, then those from below",
    lambda rng: drawn(rng, layers=False),
)
test_random = BLOCK.random("upsampling and convolutions with random weights")
test_gradient = BLOCK.gradient(
    "gradients reach both ways, and the layers",
    lambda rng: [
        {
            "x": some(rng, 1, 1, 1, 2),
            "across": some(rng, 1, 1, 3, 4 + more),
            "kernel": some(rng, 1, 1, 2, 2),
            "filters": some(rng, 1, 2, 3, 3, spread=0.3),
        }
        for more in (0, 2)
    ],
)
test_large = BLOCK.large(
    "the lowest level of the paper's U-Net, with fewer channels: 28 x 28 below, 64 x 64 across",
    lambda rng: [
        {
            "x": some(rng, 1, 8, 28, 28),
            "across": some(rng, 1, 4, 64, 64),
            "kernel": some(rng, 8, 4, 2, 2, spread=0.3),
            "filters": some(rng, 4, 8, 3, 3, spread=0.2),
        }
    ],
)
test_laws = BLOCK.laws("calls, passes and memory do not get mixed up")
test_refuses = BLOCK.refuses(
    "what comes across must be at least as large: ValueError",
    ({"x": np.ones((1, 1, 4, 5)), "across": np.ones((1, 2, 3, 7))}, ("3", "4")),
    ({"x": np.ones((1, 1, 4, 5)), "across": np.ones((1, 2, 6, 4))}, ("4", "5")),
)


wrong(
    module.unet_block,
    {
        "the upper left corner of what comes across is taken, not the middle": (
            "top : top + height, left : left + width",
            ":height, :width",
        ),
        "what comes from below stands first": ("torch.cat([middle, up], dim=1)", "torch.cat([up, middle], dim=1)"),
        "the two are added, as in a residual block": ("torch.cat([middle, up], dim=1)", "middle + up"),
        "what comes across is shrunk to the size, not cut": (
            "across[:, :, top : top + height, left : left + width]",
            "torch.nn.functional.interpolate(across, size=(height, width))",
        ),
        "zeros are put around what is below until it is as large: today's habit, not the paper's": (
            "middle = across[:, :, top : top + height, left : left + width]",
            "middle, up = across, torch.nn.functional.pad(\n        up, (left, across.shape[3] - width - left, "
            "top, across.shape[2] - height - top)\n    )",
        ),
        "as many columns are cut as rows": ("left : left + width", "top : top + width"),
        "of an odd number the larger half is cut above": (
            "(across.shape[2] - height) // 2",
            "(across.shape[2] - height + 1) // 2",
        ),
        "no gradient goes across": ("middle = across[", "middle = across.detach()["),
        "the size is taken before upsampling": ("up.shape[2:]", "x.shape[2:]"),
        "only maps that are too small both ways are refused": ("top < 0 or left < 0", "top < 0 and left < 0"),
        "what comes across is read by view, which only maps in the usual memory order allow": (
            "middle = across[",
            "middle = across.view(*across.shape[:2], -1).view(across.shape)[",
        ),
    },
)
