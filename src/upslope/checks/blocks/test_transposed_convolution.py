"""What transposed_convolution must do."""

import numpy as np
from torch.nn import functional as F

from upslope.blocks import transposed_convolution as module
from upslope.checks import survives, wrong
from upslope.checks.blocks.tensors import TorchOp
from upslope.checks.samples import some

ROW = {"x": np.array([[[[1.0, 2.0]]]]), "weight": np.array([[[[1.0, 10.0, 100.0]]]])}
SQUARE = {"x": np.array([[[[1.0, 2.0], [3.0, 4.0]]]]), "weight": np.array([[[[1.0, 2.0], [3.0, 4.0]]]])}


def drawn(rng, bias=True, strides=(2,), paddings=(0,)):
    for stride in strides:
        for padding in paddings:
            for batch, channels, height, width, out, k, w in (
                (1, 1, 2, 1, 1, 2, 2),
                (2, 3, 3, 4, 2, 3, 3),
                (3, 2, 1, 5, 4, 4, 4),
                (1, 4, 4, 3, 3, 2, 5),
                (2, 2, 3, 2, 2, 5, 3),
            ):
                if min((height - 1) * stride + k, (width - 1) * stride + w) <= 2 * padding:
                    continue
                sample = {"x": some(rng, batch, channels, height, width), "weight": some(rng, channels, out, k, w)}
                settings = {"stride": stride, **({"padding": padding} if padding else {})}
                yield {**sample, **settings, **({"bias": some(rng, out)} if bias else {})}


def place_by_place(x, weight, bias=None, *, stride, padding=0):
    _, out, k, w = weight.shape
    size, _, height, width = x.shape
    made = np.zeros((size, out, (height - 1) * stride + k, (width - 1) * stride + w))
    for b, c, i, j in np.ndindex(x.shape):
        made[b, :, i * stride : i * stride + k, j * stride : j * stride + w] += x[b, c, i, j] * weight[c]
    made = made[:, :, padding : made.shape[2] - padding, padding : made.shape[3] - padding]
    return made if bias is None else made + bias[:, None, None]


PAINT = TorchOp(module.transposed_convolution, samples=drawn, truth=place_by_place, peer=F.conv_transpose2d)

test_shape = PAINT.shape("(B, O, (H - 1) stride - 2 padding + k, and so on), and the dtype stays")
test_by_hand = PAINT.by_hand(
    "[1, 10, 100] and twice that, two places on: 1, 10, 102, 20, 200",
    ({**ROW, "stride": 2}, [[[[1.0, 10, 102, 20, 200]]]]),
    ({**ROW, "stride": 2, "padding": 0, "bias": np.array([5.0])}, [[[[6.0, 15, 107, 25, 205]]]]),
)
test_squares = PAINT.by_hand(
    "patches as large as the stride lie side by side; smaller ones leave gaps, larger ones overlap",
    ({**SQUARE, "stride": 2}, [[[[1.0, 2, 2, 4], [3, 4, 6, 8], [3, 6, 4, 8], [9, 12, 12, 16]]]]),
    (
        {**SQUARE, "stride": 3},
        [[[[1.0, 2, 0, 2, 4], [3, 4, 0, 6, 8], [0, 0, 0, 0, 0], [3, 6, 0, 4, 8], [9, 12, 0, 12, 16]]]],
    ),
    ({**SQUARE, "stride": 1}, [[[[1.0, 4, 4], [6, 20, 16], [9, 24, 16]]]]),
)
test_padding = PAINT.by_hand(
    "padding cuts the edge off; it puts none around",
    ({**SQUARE, "stride": 2, "padding": 1}, [[[[4.0, 6], [6, 4]]]]),
)
test_no_bias = PAINT.random("without a bias", lambda rng: drawn(rng, bias=False))
test_random = PAINT.random("random maps and kernels, also kernels that are not square")
test_strides = PAINT.random("strides of 1 to 6: from much overlap to gaps", lambda rng: drawn(rng, strides=(1, 3, 6)))
test_paddings = PAINT.random("every stride with paddings", lambda rng: drawn(rng, strides=(1, 2, 4), paddings=(1, 2)))
test_gradient = PAINT.gradient(
    "the gradient agrees with finite differences",
    lambda rng: [
        {
            "x": some(rng, 1, 2, 2, 2),
            "weight": some(rng, 2, 1, 3, 2),
            "bias": some(rng, 1),
            "stride": 2,
            "padding": padding,
        }
        for padding in (0, 1)
    ],
)
test_large = PAINT.large(
    "2 pictures of 12 x 12 with 24 channels, doubled",
    lambda rng: [
        {"x": some(rng, 2, 24, 12, 12), "weight": some(rng, 24, 12, 2, 2), "bias": some(rng, 12), "stride": 2}
    ],
)
test_laws = PAINT.laws("calls, passes and memory do not get mixed up", lambda rng: list(drawn(rng))[:3])
test_refuses = PAINT.refuses(
    "channels that do not fit, and a padding that leaves nothing, raise ValueError",
    ({"x": np.ones((1, 3, 2, 2)), "weight": np.ones((2, 4, 2, 2)), "stride": 2}, ("3", "2")),
    ({"x": np.ones((1, 1, 2, 2)), "weight": np.ones((2, 4, 2, 2)), "stride": 2}, ("1", "2")),
    ({"x": np.ones((1, 1, 2, 5)), "weight": np.ones((1, 1, 2, 2)), "stride": 2, "padding": 2}, ("2",)),
    ({"x": np.ones((1, 1, 5, 2)), "weight": np.ones((1, 1, 2, 2)), "stride": 2, "padding": 2}, ("2",)),
)


wrong(
    module.transposed_convolution,
    {
        "the kernel is turned round, as for a convolution that is padded all around": (
            "kernel.permute(0, 2, 3, 1)",
            "kernel.flip(2, 3).permute(0, 2, 3, 1)",
        ),
        "the channels of the result are taken to come first in weight, as in a convolution": (
            "kernels = F.pad(weight,",
            "kernels = F.pad(weight.reshape(out, -1, k, w).transpose(0, 1),",
        ),
        "patches do not add where they overlap: the last one stays": (
            "sum(others, start=first)",
            "[first := other.where(other != 0, first) for other in [first, *others]][-1]",
        ),
        "padding is cut at the upper left only": (
            "painted[:, padding : padding + height, padding : padding + width]",
            "painted[:, 2 * padding : 2 * padding + height, 2 * padding : 2 * padding + width]",
        ),
        "padding is not cut off": (
            "painted[:, padding : padding + height, padding : padding + width]",
            "painted[:, : height + 2 * padding, : width + 2 * padding]",
        ),
        "the result ends with whole strides: H * stride rows, whatever the kernel": (
            "(x.shape[2] - 1) * stride - 2 * padding + k",
            "x.shape[2] * stride - 2 * padding",
        ),
        "rows and columns of a patch are exchanged": (
            "kernel.permute(0, 2, 3, 1)",
            "kernel.permute(0, 3, 2, 1)",
        ),
        "the kernel is taken to be square": ("-(-w // stride)", "-(-k // stride)"),
        "the bias is added to each patch, so that it counts twice where two overlap": (
            "square = places @ kernel.permute(0, 2, 3, 1).flatten(1)",
            "square = places @ kernel.permute(0, 2, 3, 1).flatten(1) + (0 if bias is None else bias.repeat(stride**2))",
        ),
        "the numbers of x are lined up by view, which only maps in the usual memory order allow": (
            "places, squares = x.movedim(1, -1), []",
            "places, squares = x.view(*x.shape[:2], -1).mT.reshape(x.shape[0], *x.shape[2:], -1), []",
        ),
        "the bias is left out": ("result + bias[:, None, None]", "result"),
        "the kernel is cut from the graph": ("F.pad(weight,", "F.pad(weight.detach(),"),
        "the channels of x are not compared with those of weight": (
            "if x.shape[1] != weight.shape[0]:",
            "if x.shape[1] > weight.shape[0]:",
        ),
    },
)
survives(
    module.transposed_convolution,
    {
        "what lies below and on the right of the result is cut off, however much it is": [
            ("right - 1 - j", "right - j"),
            ("right - 1 - j", "right - 0 - j"),
            ("right - 1 - j", "right + 1 - j"),
            ("down - 1 - i", "down - i"),
            ("down - 1 - i", "down - 0 - i"),
            ("down - 1 - i", "down + 1 - i"),
        ],
    },
)
