"""What conv2d must do."""

from functools import partial

import numpy as np

from upslope.checks import grades, survives, wrong
from upslope.checks.expect import close, gradients, raises, tensor_of
from upslope.checks.laws import Call, keeps_laws
from upslope.checks.samples import leaf, some, spelled
from upslope.scratch import ops
from upslope.scratch.tensor import Tensor

# Shapes of x and weight, stride, padding, and rows and columns of the result.
PLAIN = (
    ((1, 1, 1, 3), (1, 1, 1, 2), 1, 0, (1, 2)),
    ((1, 1, 3, 3), (1, 1, 2, 2), 1, 0, (2, 2)),
    ((2, 2, 3, 4), (3, 2, 2, 3), 1, 0, (2, 2)),
)
STRIDED = (
    ((1, 1, 1, 5), (1, 1, 1, 2), 2, 0, (1, 2)),
    ((1, 1, 4, 5), (1, 1, 2, 2), 2, 0, (2, 2)),
    ((1, 2, 5, 4), (2, 2, 2, 1), 3, 0, (2, 2)),
)
PADDED = (
    ((1, 1, 1, 2), (1, 1, 3, 3), 1, 1, (1, 2)),
    ((1, 2, 2, 3), (2, 2, 3, 2), 1, 2, (4, 6)),
    ((2, 1, 3, 4), (1, 1, 3, 3), 2, 1, (2, 2)),
    ((1, 1, 2, 2), (2, 1, 1, 1), 1, 1, (4, 4)),
)


def slide(x, weight, bias, stride, padding):
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


def words(x, weight, stride=1, padding=0):
    """The call, as a learner would write it."""
    extra = (f", stride={stride}" if stride != 1 else "") + (f", padding={padding}" if padding else "")
    return f"conv2d({spelled(x)}, {spelled(weight)}{extra})"


def compare(rng, shapes, dtype):
    """conv2d beside the written-out sums for some shapes, with a bias."""
    for a, w, stride, padding, _ in shapes:
        x, weight, bias = some(rng, *a), some(rng, *w), some(rng, w[0])
        case = words(x, weight, stride, padding) + f" with bias {spelled(bias)}"
        expected = slide(x, weight, bias, stride, padding)
        for laid, note in ((np.ascontiguousarray, ""), (np.asfortranarray, ", x and weight in another memory order")):
            tensors = (Tensor(laid(v.astype(dtype))) for v in (x, weight, bias))
            close(ops.conv2d(*tensors, stride=stride, padding=padding), expected, case=case + note, atol=1e-5)


def compare_gradients(rng, shapes):
    """The three gradients beside finite differences for some shapes."""
    for a, w, stride, padding, _ in shapes:
        x, weight, bias = some(rng, *a), some(rng, *w), some(rng, w[0])
        f = partial(ops.conv2d, stride=stride, padding=padding)
        gradients(
            f,
            [x, weight, bias],
            rng=rng,
            tensor=leaf,
            names=["x", "weight", "bias"],
            case=words(x, weight, stride, padding),
        )


@grades(ops.conv2d)
def test_shape(rng):
    """the shape, with stride and padding"""
    for a, w, stride, padding, (rows, columns) in (*PLAIN, *STRIDED, *PADDED):
        got = ops.conv2d(Tensor(some(rng, *a)), Tensor(some(rng, *w)), stride=stride, padding=padding)
        case = f"conv2d of x {a} and weight {w}, stride={stride}, padding={padding}"
        tensor_of(got, (a[0], w[0], rows, columns), case=case)


@grades(ops.conv2d)
def test_dtype(rng):
    """float32 stays float32, float64 stays float64"""
    for dtype in ("float32", "float64"):
        x, weight, bias = (some(rng, *s).astype(dtype) for s in ((1, 1, 3, 3), (2, 1, 2, 2), (2,)))
        got = ops.conv2d(Tensor(x), Tensor(weight), Tensor(bias), padding=1)
        tensor_of(got, (1, 2, 4, 4), dtype=dtype, case=f"conv2d of {dtype} numbers")


@grades(ops.conv2d)
def test_by_hand(rng):
    """[[1, 2, 3]] under [[1, -1]] is [[-1, -1]], and the gradients are right"""
    x, weight = np.array([[[[1.0, 2.0, 3.0]]]]), np.array([[[[1.0, -1.0]]]])
    close(ops.conv2d(Tensor(x), Tensor(weight)), [[[[-1, -1]]]], case="conv2d of [[1, 2, 3]] and [[1, -1]]")
    gradients(
        ops.conv2d,
        [x, weight],
        rng=rng,
        tensor=leaf,
        names=["x", "weight"],
        case="conv2d of [[1, 2, 3]] and [[1, -1]], g = [[1, 10]]",
        upstream=np.array([[[[1.0, 10.0]]]]),
        expected=[np.array([[[[1.0, 9.0, -10.0]]]]), np.array([[[[21.0, 32.0]]]])],
    )


@grades(ops.conv2d)
def test_random(rng):
    """random images, filters and biases: each result is a sum of products"""
    compare(rng, (*PLAIN, ((2, 3, 6, 5), (4, 3, 3, 2), 1, 0, (4, 4))), np.float32)


@grades(ops.conv2d)
def test_stride(rng):
    """stride: the filter moves several pixels at a time"""
    compare(rng, STRIDED, np.float64)


@grades(ops.conv2d)
def test_padding(rng):
    """padding: a border of zeros on every side"""
    compare(rng, PADDED, np.float64)


@grades(ops.conv2d)
def test_gradient(rng):
    """the gradients agree with finite differences"""
    compare_gradients(rng, PLAIN)


@grades(ops.conv2d)
def test_gradient_stride_padding(rng):
    """the gradients agree with finite differences, with stride and padding"""
    compare_gradients(rng, (*STRIDED[:2], *PADDED))


@grades(ops.conv2d)
def test_misfit(rng):
    """channels that differ and filters larger than the image raise a ValueError"""
    for a, w in (((1, 2, 3, 3), (1, 1, 2, 2)), ((1, 1, 3, 3), (1, 1, 4, 2)), ((1, 1, 3, 3), (1, 1, 2, 4))):
        raises(
            ValueError,
            partial(ops.conv2d, Tensor(np.ones(a)), Tensor(np.ones(w))),
            case=f"conv2d of x {a} and weight {w}",
        )


@grades(ops.conv2d)
def test_just_fits(rng):
    """a filter as large as the padded image fits at one place, a larger one raises a ValueError"""
    for size, filters, padding in (((2, 3), (4, 5), 1), ((3, 2), (3, 2), 0), ((1, 4), (5, 8), 2)):
        x, weight = some(rng, 1, 1, *size), some(rng, 1, 1, *filters)
        padded = np.pad(x[0, 0], padding)
        out = ops.conv2d(Tensor(x), Tensor(weight), padding=padding)
        case = f"an image of {size} with padding={padding} under a filter of {filters}"
        close(out, [[[[(padded * weight[0, 0]).sum()]]]], case=case)
        for more in ((1, 0), (0, 1)):
            shape = (1, 1, filters[0] + more[0], filters[1] + more[1])
            call = partial(ops.conv2d, Tensor(x), Tensor(some(rng, *shape)), padding=padding)
            case = f"an image of {size} with padding={padding} under a filter of {shape[2:]}"
            raises(ValueError, call, case=case, says=[str(x.shape), str(shape)])


@grades(ops.conv2d)
def test_laws(rng):
    """the laws of every operation: calls, passes and memory do not get mixed up"""
    shapes = (((2, 2, 4, 5), (3, 2, 2, 3), (3,)), ((1, 1, 5, 3), (2, 1, 3, 2), (2,)))
    calls = (Call(partial(ops.conv2d, padding=1), [some(rng, *shape) for shape in each]) for each in shapes)
    keeps_laws(*calls)


wrong(
    ops.conv2d,
    {
        "the filters are flipped: this is the mathematician's convolution": (
            "flat = weight.data.reshape(filters, -1)",
            "flat = weight.data[:, :, ::-1, ::-1].reshape(filters, -1)",
        ),
        "the bias is left out": ("if bias is not None:", "if False:"),
        "the filter moves one pixel at a time, whatever stride says": (
            "i : i + rows * stride : stride, j : j + columns * stride : stride]",
            "i : i + rows, j : j + columns]",
        ),
        "the padding stands on the bottom and the right only, both portions of it": (
            "inside = np.s_[:, padding : padding + height, padding : padding + width]",
            "inside = np.s_[:, :height, :width]",
        ),
        "the padding repeats the numbers at the edge; it should be zeros": (
            "padded[inside] = images_last(x.data)",
            "padded = np.pad(images_last(x.data), ((padding, padding), (padding, padding), (0, 0), (0, 0)), 'edge')",
        ),
        "the gradient of x is cut from the corner of the padded image, not from its middle": (
            "return gradient[inside].transpose(3, 0, 1, 2)",
            "return gradient[:, :height, :width].transpose(3, 0, 1, 2)",
        ),
        "where filter positions overlap, the gradient of x is overwritten, not added up": (
            "+= shares[:, i, j]",
            "= shares[:, i, j]",
        ),
        "the gradient of the weight is averaged over the images, not summed": (
            "return gradient.reshape(shape)",
            "return gradient.reshape(shape) / images",
        ),
        "the gradient of the bias is averaged over positions and images, not summed": (
            "g.sum(axis=(0, 2, 3))",
            "g.mean(axis=(0, 2, 3))",
        ),
        "every channel of a filter is its first one": (
            "flat = weight.data.reshape(filters, -1)",
            "flat = np.repeat(weight.data[:, :1], channels, axis=1).reshape(filters, -1)",
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
