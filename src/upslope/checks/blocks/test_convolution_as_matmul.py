"""What conv2d_as_matmul must do."""

import numpy as np
from torch.nn import functional as F

from upslope.blocks import convolution_as_matmul as module
from upslope.checks import wrong
from upslope.checks.blocks.tensors import TorchOp
from upslope.checks.samples import some

PICTURE = np.arange(1.0, 10).reshape(1, 1, 3, 3)
FILTER = np.array([[1.0, 0], [0, 1]]).reshape(1, 1, 2, 2)


def drawn(rng, bias=True, **settings):
    for batch, channels, height, width, out, k, w in (
        (1, 1, 4, 4, 1, 3, 3),
        (2, 3, 5, 7, 4, 3, 3),
        (3, 2, 6, 5, 2, 1, 1),
        (2, 2, 8, 9, 3, 5, 2),
        (1, 4, 3, 6, 2, 3, 6),
    ):
        sample = {"x": some(rng, batch, channels, height, width), "weight": some(rng, out, channels, k, w), **settings}
        yield {**sample, "bias": some(rng, out)} if bias else sample


def with_settings(rng):
    for stride, padding in ((2, 0), (1, 1), (2, 1), (3, 2)):
        yield from list(drawn(rng, stride=stride, padding=padding))[1:4]


def window_by_window(x, weight, bias=None, stride=1, padding=0):
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    out, _, k, w = weight.shape
    height, width = (x.shape[2] - k) // stride + 1, (x.shape[3] - w) // stride + 1
    made = np.zeros((len(x), out, height, width))
    for b, o, i, j in np.ndindex(made.shape):
        part = x[b, :, i * stride : i * stride + k, j * stride : j * stride + w]
        made[b, o, i, j] = (part * weight[o]).sum() + (0 if bias is None else bias[o])
    return made


CONV = TorchOp(module.conv2d_as_matmul, samples=drawn, truth=window_by_window, peer=F.conv2d)

test_shape = CONV.shape("(B, O, h, w), and the dtype stays")
test_by_hand = CONV.by_hand(
    "[1, 2, 4, 5] times [1, 0, 0, 1] is 6, and so on: 6, 8, 12, 14",
    ({"x": PICTURE, "weight": FILTER}, [[[[6.0, 8], [12, 14]]]]),
)
test_order = CONV.by_hand(
    "a window lies as the filter does: the upper right of the filter meets the upper right of the window",
    ({"x": PICTURE, "weight": np.array([[0.0, 1], [0, 0]]).reshape(1, 1, 2, 2)}, [[[[2.0, 3], [5, 6]]]]),
    ({"x": PICTURE, "weight": np.array([[0.0, 0], [1, 0]]).reshape(1, 1, 2, 2)}, [[[[4.0, 5], [7, 8]]]]),
)
test_no_bias = CONV.random("without a bias", lambda rng: drawn(rng, bias=False))
test_random = CONV.random("random pictures and filters, also filters that are not square")
test_settings = CONV.random("strides and paddings", with_settings)
test_gradient = CONV.gradient(
    "the gradient agrees with finite differences",
    lambda rng: [
        {"x": some(rng, 1, 1, 3, 3), "weight": some(rng, 2, 1, 2, 2), "bias": some(rng, 2), "padding": padding}
        for padding in (0, 1)
    ],
)
test_large = CONV.large(
    "8 pictures of 16 x 16 with 12 channels",
    lambda rng: [
        {"x": some(rng, 8, 12, 16, 16), "weight": some(rng, 10, 12, 3, 3), "bias": some(rng, 10), "padding": 1}
    ],
)
test_laws = CONV.laws("calls, passes and memory do not get mixed up", lambda rng: list(drawn(rng))[:3])


wrong(
    module.conv2d_as_matmul,
    {
        "the filter is turned round, as in mathematics": (
            "weight.reshape(out, -1)",
            "weight.flip(2, 3).reshape(out, -1)",
        ),
        "a row holds the window pixel by pixel, all channels of each, as the filters do not lie": (
            "permute(0, 2, 3, 1, 4, 5)",
            "permute(0, 2, 3, 4, 5, 1)",
        ),
        "window rows and columns are exchanged": ("permute(0, 2, 3, 1, 4, 5)", "permute(0, 2, 3, 1, 5, 4)"),
        "height and width of the result are exchanged": (
            "windows.permute(0, 2, 3, 1, 4, 5)",
            "windows.permute(0, 3, 2, 1, 4, 5)",
        ),
        "the result is laid out again without its channels being moved to the front": (
            ".reshape(size, height, width, out).permute(0, 3, 1, 2)",
            ".reshape(size, out, height, width)",
        ),
        "the stride counts down only": ("unfold(3, w, stride)", "unfold(3, w, 1)"),
        "the picture is padded on one side only": (
            "(padding, padding, padding, padding)",
            "(0, 2 * padding, 0, 2 * padding)",
        ),
        "the bias is left out": ("result = result + bias", "pass"),
        "the filters are taken to be square": ("unfold(3, w, stride)", "unfold(3, k, stride)"),
        "the filters are taken to lie in one piece in memory": ("weight.reshape(out, -1)", "weight.view(out, -1)"),
        "the filters are cut from the graph": ("weight.reshape(out, -1)", "weight.detach().reshape(out, -1)"),
        "the bias is added to the windows": (
            "rows @ weight",
            "(rows + (bias.sum() if bias is not None else 0)) @ weight",
        ),
    },
)
