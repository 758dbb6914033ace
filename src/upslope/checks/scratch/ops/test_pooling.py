"""What max_pool2d must do."""

import numpy as np

from upslope.checks import survives, wrong
from upslope.checks.op_info import OpInfo
from upslope.checks.samples import apart
from upslope.scratch import ops

# Shape of x, kernel_size, stride.
SIDE_BY_SIDE = (((1, 1, 2, 2), 2, None), ((1, 1, 2, 4), 2, None), ((2, 3, 4, 6), 2, 2), ((1, 2, 3, 3), 3, None))
LEFT_OVER = (((1, 1, 3, 5), 2, None), ((2, 1, 5, 4), 3, None), ((1, 1, 4, 5), 1, 2))
OVERLAPPING = (((1, 1, 2, 3), 2, 1), ((1, 1, 3, 3), 2, 1), ((1, 2, 5, 5), 3, 2))


def drawn(*sizes):
    """Random images whose numbers are far enough apart for the largest to stay the largest."""
    return lambda rng: [
        {"x": apart(rng, *shape), "kernel_size": size} | ({"stride": stride} if stride else {})
        for shape, size, stride in sizes
    ]


def windows(x, kernel_size, stride=None):
    """The largest of each window, one at a time."""
    tops, lefts = (range(0, side - kernel_size + 1, stride or kernel_size) for side in x.shape[2:])
    return np.array(
        [
            [
                [[max(plane[r : r + kernel_size, c : c + kernel_size].ravel().tolist()) for c in lefts] for r in tops]
                for plane in image
            ]
            for image in x
        ]
    )


POOL = OpInfo(ops.max_pool2d, samples=drawn(*SIDE_BY_SIDE, *LEFT_OVER, *OVERLAPPING), truth=windows)

test_shape = POOL.shape("the shape: stride is the window's size unless given, and what fills no window is left out")
test_by_hand = POOL.by_hand(
    "[[1, 4], [3, 2]] in one window is [[4]], and g = [[5]] goes back as [[0, 5], [0, 0]]",
    (
        {"x": [[[[1.0, 4.0], [3.0, 2.0]]]], "kernel_size": 2},
        [[[[4]]]],
        [[[[5]]]],
        {"x": [[[[0, 5], [0, 0]]]]},
    ),
)
test_random = POOL.random("random images, windows side by side", drawn(*SIDE_BY_SIDE, *LEFT_OVER))
test_negative = POOL.by_hand(
    "the largest of negative numbers is negative",
    ({"x": [[[[-1.5, -4.0], [-3.0, -2.0]]]], "kernel_size": 2}, [[[[-1.5]]]]),
)
test_stride = POOL.random("windows that overlap", drawn(*OVERLAPPING))
test_large = POOL.large("8 feature maps of 32 x 32", drawn(((1, 8, 32, 32), 2, None)))
test_gradient = POOL.gradient("the gradient agrees with finite differences", drawn(*SIDE_BY_SIDE, *LEFT_OVER))
test_gradient_overlapping = POOL.gradient(
    "a number that is the largest of several windows collects the sum", drawn(*OVERLAPPING)
)
test_ties = POOL.by_hand(
    "of equal numbers the first gets all of g, row by row",
    (
        {"x": [[[[0.0, 0.0, 1.0, 2.0], [0.0, 0.0, 2.0, 2.0]]]], "kernel_size": 2},
        [[[[0, 2]]]],
        [[[[9, 7]]]],
        {"x": [[[[9, 0, 0, 7], [0, 0, 0, 0]]]]},
    ),
)
test_misfit = POOL.refuses(
    "a window larger than the image raises a ValueError",
    *(({"x": np.ones(shape), "kernel_size": 3}, []) for shape in ((1, 1, 2, 3), (1, 1, 3, 2))),
)
test_laws = POOL.laws(
    "the laws of every operation: calls, passes and memory do not get mixed up",
    drawn(((2, 3, 4, 6), 2, None), ((1, 2, 6, 4), 2, None)),
)


wrong(
    ops.max_pool2d,
    {
        "equal numbers all get g, so gradient is made from nothing": ("waiting &= ~found", "waiting &= True"),
        "of equal numbers the last gets g, not the first": (
            """for pixels in places:
            found""",
            """for pixels in places[::-1]:
            found""",
        ),
        "where windows overlap, the gradient is overwritten, not added up": (
            "gradient[pixels] += masked(g, found)",
            "gradient[pixels] = masked(g, found)",
        ),
        "the stride is always the window's size": ("t = stride or kernel_size", "t = kernel_size"),
        "the search starts from 0, so negative windows come out as 0": (
            'out = a[places[0]].copy(order="K")',
            "out = np.zeros_like(a[places[0]])",
        ),
        "this is the mean of each window": (
            """for pixels in places[1:]:
        np.maximum(out, a[pixels], out=out)""",
            """for pixels in places[1:]:
        out += a[pixels]
    out /= kernel_size**2""",
        ),
        "the result is always float64": (
            'out = a[places[0]].copy(order="K")',
            'out = a[places[0]].astype(float, order="K")',
        ),
        "a window that does not fit is not looked at": ("if kernel_size > min(height, width):", "if False:"),
    },
)
survives(
    ops.max_pool2d,
    {
        "how numbers lie in memory changes the time alone": [('copy(order="K")', "copy()")],
        "the first pixel is no larger than itself": [("places[1:]", "places[0:]")],
    },
)
