"""What conv2d must do."""

import numpy as np

from upslope.checks import survives, wrong
from upslope.checks.op_info import OpInfo
from upslope.checks.samples import some
from upslope.scratch import ops

# Shapes of x and weight, stride, padding.
PLAIN = (((1, 1, 1, 3), (1, 1, 1, 2), 1, 0), ((1, 1, 3, 3), (1, 1, 2, 2), 1, 0), ((2, 2, 3, 4), (3, 2, 2, 3), 1, 0))
STRIDED = (((1, 1, 1, 5), (1, 1, 1, 2), 2, 0), ((1, 1, 4, 5), (1, 1, 2, 2), 2, 0), ((1, 2, 5, 4), (2, 2, 2, 1), 3, 0))
PADDED = (
    ((1, 1, 1, 2), (1, 1, 3, 3), 1, 1),
    ((1, 2, 2, 3), (2, 2, 3, 2), 1, 2),
    ((2, 1, 3, 4), (1, 1, 3, 3), 2, 1),
    ((1, 1, 2, 2), (2, 1, 1, 1), 1, 1),
)
# A filter as large as the padded image.
FITTING = (((1, 1, 2, 3), (1, 1, 4, 5), 1, 1), ((1, 1, 3, 2), (1, 1, 3, 2), 1, 0), ((1, 1, 1, 4), (1, 1, 5, 8), 1, 2))
LARGE = ((1, 3, 32, 32), (4, 3, 3, 3), 1, 1)


def drawn(*sizes):
    """Random images, filters and biases."""
    return lambda rng: [
        {"x": some(rng, *x), "weight": some(rng, *weight), "bias": some(rng, weight[0])}
        | ({"stride": stride} if stride > 1 else {})
        | ({"padding": padding} if padding else {})
        for x, weight, stride, padding in sizes
    ]


def slide(x, weight, bias, stride=1, padding=0):
    """The sum under each position of each filter, one at a time, in float64."""
    images, channels, height, width = x.shape
    filters, _, kh, kw = weight.shape
    wide = np.zeros((images, channels, height + 2 * padding, width + 2 * padding))
    wide[:, :, padding : padding + height, padding : padding + width] = x
    tops = range(0, height + 2 * padding - kh + 1, stride)
    lefts = range(0, width + 2 * padding - kw + 1, stride)
    out = [
        [
            [[bias[o] + (weight[o] * wide[b, :, r : r + kh, c : c + kw]).sum() for c in lefts] for r in tops]
            for o in range(filters)
        ]
        for b in range(images)
    ]
    return np.array(out)


def misfit(x, weight, padding=0):
    """A call with inputs of these shapes, and what its error must say."""
    return {"x": np.ones(x), "weight": np.ones(weight), "padding": padding}, [str(x), str(weight)]


CONV = OpInfo(ops.conv2d, samples=drawn(*PLAIN, *STRIDED, *PADDED), truth=slide)

test_shape = CONV.shape("the shape, with stride and padding, and the dtype of x")
test_by_hand = CONV.by_hand(
    "[[1, 2, 3]] under [[1, -1]] is [[-1, -1]], and the gradients are right",
    (
        {"x": [[[[1.0, 2.0, 3.0]]]], "weight": [[[[1.0, -1.0]]]]},
        [[[[-1, -1]]]],
        [[[[1, 10]]]],
        {"x": [[[[1, 9, -10]]]], "weight": [[[[21, 32]]]]},
    ),
)
test_random = CONV.random("random images, filters and biases: each result is a sum of products", drawn(*PLAIN))
test_stride = CONV.random("stride: the filter moves several pixels at a time", drawn(*STRIDED))
test_padding = CONV.random("padding: a border of zeros on every side", drawn(*PADDED))
test_large = CONV.large("an image of 32 x 32 under 4 filters", drawn(LARGE), atol=1e-4)
test_gradient = CONV.gradient("the gradients agree with finite differences", drawn(*PLAIN))
test_gradient_stride_padding = CONV.gradient(
    "the gradients agree with finite differences, with stride and padding", drawn(*STRIDED[:2], *PADDED)
)
test_just_fits = CONV.random("a filter as large as the padded image fits at one place", drawn(*FITTING))
test_misfit = CONV.refuses(
    "channels that differ and filters larger than the padded image raise a ValueError with both shapes",
    misfit((1, 2, 3, 3), (1, 1, 2, 2)),
    *(
        misfit(x, (1, 1, height + more, width + 1 - more), padding)
        for x, (_, _, height, width), _, padding in FITTING
        for more in (0, 1)
    ),
)
test_laws = CONV.laws(
    "the laws of every operation: calls, passes and memory do not get mixed up",
    drawn(((2, 2, 4, 5), (3, 2, 2, 3), 1, 1), ((1, 1, 5, 3), (2, 1, 3, 2), 1, 1)),
)


wrong(
    ops.conv2d,
    {
        "the filters are flipped: this is the mathematician's convolution": (
            "flat = weight.data.reshape(filters, -1)",
            "flat = weight.data[:, :, ::-1, ::-1].reshape(filters, -1)",
        ),
        "the filter moves one pixel at a time, whatever stride says": (
            "i : i + rows * stride : stride, j : j + columns * stride : stride]",
            "i : i + rows, j : j + columns]",
        ),
        "the padding stands on the bottom and the right only, both portions of it": (
            "inside = np.s_[:, padding : padding + height, padding : padding + width]",
            "inside = np.s_[:, :height, :width]",
        ),
        "where filter positions overlap, the gradient of x is overwritten, not added up": (
            "+= shares[:, i, j]",
            "= shares[:, i, j]",
        ),
        "the gradient of the weight is averaged over the images, not summed": (
            "return gradient.reshape(shape)",
            "return gradient.reshape(shape) / images",
        ),
        "the last column of positions is left out": (
            "columns = (width + 2 * padding - kw) // stride + 1",
            "columns = (width + 2 * padding - kw) // stride",
        ),
        "the result is always float64": ("out = flat @ seen()", "out = flat.astype(float) @ seen()"),
        "sizes that do not fit are not looked at": (
            "if channels != depth or kh > height + 2 * padding or kw > width + 2 * padding:",
            "if False:",
        ),
    },
)
survives(
    ops.conv2d,
    {
        "more zeros below the image than any filter reaches": [
            ("(channels, height + 2 * padding", "(channels, height + 3 * padding")
        ],
        "more zeros beside the image than any filter reaches": [
            ("width + 2 * padding, images", "width + 3 * padding, images")
        ],
        "NumPy finds the size in the place of any negative number": [
            ("reshape(channels * kh * kw, -1)", "reshape(channels * kh * kw, -2)"),
            ("weight.data.reshape(filters, -1)", "weight.data.reshape(filters, -2)"),
            ("images_last(g).reshape(filters, -1) @ seen()", "images_last(g).reshape(filters, -2) @ seen()"),
            ("flat.T @ images_last(g).reshape(filters, -1)", "flat.T @ images_last(g).reshape(filters, -2)"),
        ],
    },
)
