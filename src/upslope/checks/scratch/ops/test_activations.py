"""What relu and sigmoid must do."""

import math
from functools import partial

import numpy as np

from upslope.checks import grades, wrong
from upslope.checks.expect import close, gradient_at, gradients, quiet, tensor_of
from upslope.checks.laws import Call, keeps_laws
from upslope.checks.samples import apart, leaf, some, spelled
from upslope.scratch import ops
from upslope.scratch.tensor import Tensor

SHAPES = ((3,), (), (2, 3), (2, 1, 4), (0,), (2, 0, 3))


@grades(ops.relu)
def test_relu_shape(rng):
    """the shape of x, whatever it is"""
    for shape in SHAPES:
        tensor_of(ops.relu(Tensor(some(rng, *shape))), shape, case=f"relu of a tensor of shape {shape}")


@grades(ops.relu)
def test_relu_dtype(rng):
    """float32 stays float32, float64 stays float64"""
    for dtype in ("float32", "float64"):
        x = some(rng, 3).astype(dtype)
        tensor_of(ops.relu(Tensor(x)), (3,), dtype=dtype, case=f"relu of {dtype} numbers")


@grades(ops.relu)
def test_relu_by_hand(rng):
    """relu([-2, 0, 3]) is [0, 0, 3]"""
    x = np.array([-2.0, 0.0, 3.0])
    close(ops.relu(Tensor(x)), [0, 0, 3], case="relu([-2, 0, 3])")
    gradients(
        ops.relu,
        [x],
        rng=rng,
        tensor=leaf,
        names="x",
        case="relu([-2, 0, 3]), g = [2, 3, 5]",
        upstream=np.array([2.0, 3.0, 5.0]),
        expected=[np.array([0.0, 0.0, 5.0])],
    )


@grades(ops.relu)
def test_relu_random(rng):
    """random numbers: half the sum of x and |x|"""
    for shape in ((4,), (2, 3), (5, 7, 3)):
        x = some(rng, *shape, spread=10)
        close(ops.relu(Tensor(x.astype(np.float32))), (x + abs(x)) / 2, case=f"relu({spelled(x)})")


@grades(ops.relu)
def test_relu_gradient(rng):
    """the gradient agrees with finite differences"""
    for shape in ((4,), (3, 5)):
        x = apart(rng, *shape)
        gradients(ops.relu, [x], rng=rng, tensor=leaf, names="x", case=f"relu({spelled(x)})")


@grades(ops.relu)
def test_relu_gradient_at_zero(rng):
    """at exactly 0 no gradient passes"""
    g = some(rng, 2) + 5
    gradients(
        ops.relu,
        [np.array([0.0, -0.0])],
        rng=rng,
        tensor=leaf,
        names="x",
        case=f"relu([0, -0]), g = {spelled(g)}",
        upstream=g,
        expected=[np.zeros(2)],
    )


@grades(ops.relu)
def test_relu_nan(rng):
    """nan stays nan, and infinity infinity"""
    close(
        ops.relu(Tensor(np.array([np.nan, np.inf, -np.inf, 1.0]))),
        [np.nan, np.inf, 0, 1],
        case="relu([nan, inf, -inf, 1])",
    )


@grades(ops.relu)
def test_relu_memory_order(rng):
    """a transposed or stepped view is read in its own order"""
    x = apart(rng, 3, 4)
    for words, view in (("transposed", x.T), ("with every second column", x[:, ::2]), ("upside down", x[::-1])):
        leaf_of_view = leaf(view)
        out = ops.relu(leaf_of_view)
        close(out, (view + abs(view)) / 2, case=f"relu of a matrix {words}")
        g = some(rng, *view.shape)
        out.backward(Tensor(g))
        close(leaf_of_view.grad, g * np.sign((view + abs(view)) / 2), case=f"relu of a matrix {words}: gradient of x")


@grades(ops.relu)
def test_relu_laws(rng):
    """the laws of every operation: calls, passes and memory do not get mixed up"""
    keeps_laws(*(Call(ops.relu, [some(rng, *shape)]) for shape in ((2, 3), (4, 2))))


wrong(
    ops.relu,
    {
        "the gradient passes everywhere, as if nothing had been cut": ("lambda g: masked(g, y > 0)", "lambda g: g * 1"),
        "at exactly 0 the gradient passes": ("y > 0", "x.data >= 0"),
        "the gradient is the slope alone; the gradient that came back is not multiplied in": (
            "lambda g: masked(g, y > 0)",
            "lambda g: y > 0",
        ),
        "the gradient is multiplied by the result, not by the slope": ("masked(g, y > 0)", "g * y"),
        "the sign is dropped: this is |x|": ("np.maximum(x.data, 0)", "np.abs(x.data)"),
        "nan becomes 0, which hides a fault somewhere else": (
            "np.maximum(x.data, 0)",
            "np.where(x.data > 0, x.data, 0)",
        ),
        "x itself is changed in place": ("np.maximum(x.data, 0)", "np.maximum(x.data, 0, out=x.data)"),
        "the result is always float64": ("np.maximum(x.data, 0)", "np.maximum(x.data, np.zeros(x.shape))"),
        "the result is flattened to one dimension": ("np.maximum(x.data, 0)", "np.maximum(x.data, 0).ravel()"),
    },
)


@grades(ops.sigmoid)
def test_sigmoid_shape(rng):
    """the shape of x, whatever it is"""
    for shape in SHAPES:
        tensor_of(ops.sigmoid(Tensor(some(rng, *shape))), shape, case=f"sigmoid of a tensor of shape {shape}")


@grades(ops.sigmoid)
def test_sigmoid_dtype(rng):
    """float32 stays float32, float64 stays float64"""
    for dtype in ("float32", "float64"):
        x = some(rng, 3).astype(dtype)
        tensor_of(ops.sigmoid(Tensor(x)), (3,), dtype=dtype, case=f"sigmoid of {dtype} numbers")


@grades(ops.sigmoid)
def test_sigmoid_by_hand(rng):
    """sigmoid([0, ln 3]) is [0.5, 0.75], with slopes [0.25, 0.1875]"""
    x = np.array([0.0, math.log(3)])
    close(ops.sigmoid(Tensor(x)), [0.5, 0.75], case="sigmoid([0, ln 3])")
    gradients(
        ops.sigmoid,
        [x],
        rng=rng,
        tensor=leaf,
        names="x",
        case="sigmoid([0, ln 3]), g = [4, 16]",
        upstream=np.array([4.0, 16.0]),
        expected=[np.array([1.0, 3.0])],
    )


@grades(ops.sigmoid)
def test_sigmoid_random(rng):
    """random numbers: (1 + tanh(x / 2)) / 2, from Python's math"""
    for shape in ((4,), (2, 3), (5, 7, 3)):
        x = some(rng, *shape, spread=4)
        s = np.reshape([(1 + math.tanh(v / 2)) / 2 for v in x.ravel()], shape)
        close(ops.sigmoid(Tensor(x.astype(np.float32))), s, case=f"sigmoid({spelled(x)})")


@grades(ops.sigmoid)
def test_sigmoid_gradient(rng):
    """the gradient agrees with finite differences"""
    for shape in ((3,), (2, 4)):
        x = some(rng, *shape, spread=2)
        gradients(ops.sigmoid, [x], rng=rng, tensor=leaf, names="x", case=f"sigmoid({spelled(x)})")


@grades(ops.sigmoid)
def test_sigmoid_large(rng):
    """no overflow for very large and very small x"""
    for dtype in ("float32", "float64"):
        for x, s in (([-1000.0], [0.0]), ([1000.0], [1.0]), ([-89.5, 0.0, 89.5], [0.0, 0.5, 1.0])):
            case = f"sigmoid({spelled(x)}) in {dtype}"
            there, g = leaf(np.array(x, dtype=dtype)), Tensor(np.full(len(x), 8.0, dtype))
            quiet(partial(ops.sigmoid, there), s, case=case)
            slopes = [8 * p * (1 - p) for p in s]
            quiet(partial(gradient_at, ops.sigmoid, there, g), slopes, case=f"{case}, g = 8: gradient of x")


@grades(ops.sigmoid)
def test_sigmoid_symmetry(rng):
    """sigmoid(x) and sigmoid(-x) sum to 1"""
    x = some(rng, 3, 2, spread=5)
    total = np.asarray(ops.sigmoid(Tensor(x)).data) + np.asarray(ops.sigmoid(Tensor(-x)).data)
    close(total, np.ones_like(x), case=f"sigmoid(x) + sigmoid(-x) for x = {spelled(x)}")


@grades(ops.sigmoid)
def test_sigmoid_laws(rng):
    """the laws of every operation: calls, passes and memory do not get mixed up"""
    keeps_laws(*(Call(ops.sigmoid, [some(rng, *shape)]) for shape in ((2, 3), (4, 2))))


wrong(
    ops.sigmoid,
    {
        "1 / (1 + e^-x) for every x, which overflows where x is very negative": (
            "np.exp(np.minimum(x.data, 0)) / (1 + np.exp(-np.abs(x.data)))",
            "1 / (1 + np.exp(-x.data))",
        ),
        "e^x / (1 + e^x) for every x, which is inf / inf where x is large": (
            "np.exp(np.minimum(x.data, 0)) / (1 + np.exp(-np.abs(x.data)))",
            "np.exp(x.data) / (1 + np.exp(x.data))",
        ),
        "the sign of x is turned around: this is 1 / (1 + e^x)": (
            "np.exp(np.minimum(x.data, 0))",
            "np.exp(np.minimum(-x.data, 0))",
        ),
        "the slope lacks its factor 1 - s": ("lambda g: g * s * (1 - s)", "lambda g: g * s"),
        "the slope is that of tanh, 1 - s^2": ("lambda g: g * s * (1 - s)", "lambda g: g * (1 - s * s)"),
        "the slope is computed from x where it should be from s": (
            "lambda g: g * s * (1 - s)",
            "lambda g: g * x.data * (1 - x.data)",
        ),
        "the gradient is the slope alone; the gradient that came back is not multiplied in": (
            "lambda g: g * s * (1 - s)",
            "lambda g: s * (1 - s)",
        ),
        "the result is flattened to one dimension": ("x.then(s,", "x.then(s.ravel(),"),
        "the result is always float64": ("np.minimum(x.data, 0)", "np.minimum(x.data.astype(float), 0)"),
        "e^x is never divided by 1 + e^x": ("/ (1 + np.exp(-np.abs(x.data)))", "/ 1"),
    },
)
