"""What max_pool2d must do."""

from functools import partial

import numpy as np

from upslope.checks import grades, survives, wrong
from upslope.checks.expect import close, gradients, raises, tensor_of
from upslope.checks.laws import Call, keeps_laws
from upslope.checks.samples import apart, leaf, some, spelled
from upslope.scratch import ops
from upslope.scratch.tensor import Tensor

# Shape of x, kernel_size, stride, and rows and columns of the result.
SIDE_BY_SIDE = (
    ((1, 1, 2, 2), 2, None, (1, 1)),
    ((1, 1, 2, 4), 2, None, (1, 2)),
    ((2, 3, 4, 6), 2, 2, (2, 3)),
    ((1, 2, 3, 3), 3, None, (1, 1)),
)
LEFT_OVER = (((1, 1, 3, 5), 2, None, (1, 2)), ((2, 1, 5, 4), 3, None, (1, 1)), ((1, 1, 4, 5), 1, 2, (2, 3)))
OVERLAPPING = (((1, 1, 2, 3), 2, 1, (1, 2)), ((1, 1, 3, 3), 2, 1, (2, 2)), ((1, 2, 5, 5), 3, 2, (2, 2)))


def windows(x, size, stride):
    """The largest of each window, one at a time."""
    step = stride or size
    tops = range(0, x.shape[2] - size + 1, step)
    lefts = range(0, x.shape[3] - size + 1, step)
    return np.array(
        [
            [
                [[max(plane[r : r + size, c : c + size].ravel().tolist()) for c in lefts] for r in tops]
                for plane in image
            ]
            for image in x
        ]
    )


def words(x, size, stride):
    """The call, as a learner would write it."""
    return f"max_pool2d({spelled(x)}, {size}" + (f", stride={stride})" if stride else ")")


def compare(rng, sizes, dtype=np.float64):
    """max_pool2d beside the windows taken one at a time."""
    for shape, size, stride, _ in sizes:
        x = apart(rng, *shape)
        expected, case = windows(x, size, stride), words(x, size, stride)
        for laid, note in ((np.ascontiguousarray, ""), (np.asfortranarray, ", x in another memory order")):
            got = ops.max_pool2d(Tensor(laid(x.astype(dtype))), size, stride=stride)
            close(got, expected, case=case + note)


def compare_gradients(rng, sizes):
    """The gradient beside finite differences; the numbers are far enough apart for the largest to stay the largest."""
    for shape, size, stride, _ in sizes:
        x = apart(rng, *shape)
        f = partial(ops.max_pool2d, kernel_size=size, stride=stride)
        gradients(f, [x], rng=rng, tensor=leaf, names="x", case=words(x, size, stride))


@grades(ops.max_pool2d)
def test_shape(rng):
    """the shape: stride is the window's size unless given, and what fills no window is left out"""
    for shape, size, stride, (rows, columns) in (*SIDE_BY_SIDE, *LEFT_OVER, *OVERLAPPING):
        got = ops.max_pool2d(Tensor(some(rng, *shape)), size, stride=stride)
        tensor_of(
            got, (*shape[:2], rows, columns), case=f"max_pool2d of shape {shape}, kernel_size={size}, stride={stride}"
        )


@grades(ops.max_pool2d)
def test_dtype(rng):
    """float32 stays float32, float64 stays float64"""
    for dtype in ("float32", "float64"):
        x = Tensor(some(rng, 1, 1, 2, 2).astype(dtype))
        tensor_of(ops.max_pool2d(x, 2), (1, 1, 1, 1), dtype=dtype, case=f"max_pool2d of {dtype} numbers")


@grades(ops.max_pool2d)
def test_by_hand(rng):
    """[[1, 4], [3, 2]] in one window is [[4]], and g = [[5]] goes back as [[0, 5], [0, 0]]"""
    x = np.array([[[[1.0, 4.0], [3.0, 2.0]]]])
    close(ops.max_pool2d(Tensor(x), 2), [[[[4]]]], case="max_pool2d of [[1, 4], [3, 2]], 2")
    gradients(
        lambda x: ops.max_pool2d(x, 2),
        [x],
        rng=rng,
        tensor=leaf,
        names="x",
        case="max_pool2d of [[1, 4], [3, 2]], 2, g = [[5]]",
        upstream=np.array([[[[5.0]]]]),
        expected=[np.array([[[[0.0, 5.0], [0.0, 0.0]]]])],
    )


@grades(ops.max_pool2d)
def test_random(rng):
    """random images, windows side by side"""
    compare(rng, (*SIDE_BY_SIDE, *LEFT_OVER), np.float32)


@grades(ops.max_pool2d)
def test_negative(rng):
    """the largest of negative numbers is negative"""
    x = -np.abs(some(rng, 1, 1, 2, 2)) - 1
    close(ops.max_pool2d(Tensor(x), 2), [[[[x.max()]]]], case=words(x, 2, None))


@grades(ops.max_pool2d)
def test_stride(rng):
    """windows that overlap"""
    compare(rng, OVERLAPPING)


@grades(ops.max_pool2d)
def test_gradient(rng):
    """the gradient agrees with finite differences"""
    compare_gradients(rng, (*SIDE_BY_SIDE, *LEFT_OVER))


@grades(ops.max_pool2d)
def test_gradient_overlapping(rng):
    """a number that is the largest of several windows collects the sum"""
    compare_gradients(rng, OVERLAPPING)


@grades(ops.max_pool2d)
def test_ties(rng):
    """of equal numbers the first gets all of g, row by row"""
    g = some(rng, 1, 1, 1, 2) + 9
    a, b = g.ravel().tolist()
    x = np.array([[[[0.0, 0.0, 1.0, 2.0], [0.0, 0.0, 2.0, 2.0]]]])
    expected = np.array([[[[a, 0.0, 0.0, b], [0.0, 0.0, 0.0, 0.0]]]])
    gradients(
        lambda x: ops.max_pool2d(x, 2),
        [x],
        rng=rng,
        tensor=leaf,
        names="x",
        upstream=g,
        expected=[expected],
        case=f"max_pool2d of [[0, 0, 1, 2], [0, 0, 2, 2]], 2, g = {spelled(g[0, 0])}",
    )


@grades(ops.max_pool2d)
def test_misfit(rng):
    """a window larger than the image raises a ValueError"""
    for shape, size in (((1, 1, 2, 3), 3), ((1, 1, 3, 2), 3)):
        raises(
            ValueError,
            partial(ops.max_pool2d, Tensor(np.ones(shape)), size),
            case=f"max_pool2d of shape {shape}, kernel_size={size}",
        )


@grades(ops.max_pool2d)
def test_laws(rng):
    """the laws of every operation: calls, passes and memory do not get mixed up"""
    shapes = ((2, 3, 4, 6), (1, 2, 6, 4))
    keeps_laws(*(Call(partial(ops.max_pool2d, kernel_size=2), [apart(rng, *shape)]) for shape in shapes))


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
        "g is spread over the whole window, as for a mean": (
            "gradient[pixels] += masked(g, found)",
            "gradient[pixels] += g / kernel_size**2",
        ),
        "the stride is always the window's size": ("t = stride or kernel_size", "t = kernel_size"),
        "without a stride the window moves one pixel at a time": ("t = stride or kernel_size", "t = stride or 1"),
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
