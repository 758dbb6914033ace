"""What relu and sigmoid must do."""

import math

import numpy as np

from upslope.checks import grades, wrong
from upslope.checks.expect import close
from upslope.checks.op_info import OpInfo
from upslope.checks.samples import apart, leaf, some
from upslope.scratch import ops
from upslope.scratch.tensor import Tensor

SHAPES = ((3,), (2, 3), (), (2, 1, 4), (0,), (2, 0, 3), (4, 128))
THREE = math.log(3)

RELU = OpInfo(
    ops.relu,
    samples=lambda rng: [{"x": apart(rng, *shape)} for shape in SHAPES],
    truth=lambda x: (x + abs(x)) / 2,
)

test_relu_shape = RELU.shape("the shape of x, whatever it is", dtypes=("float64",))
test_relu_dtype = RELU.shape("float32 stays float32, float64 stays float64", lambda rng: [{"x": apart(rng, 3)}])
test_relu_by_hand = RELU.by_hand(
    "relu([-2, 0, 3]) is [0, 0, 3]", ({"x": [-2.0, 0.0, 3.0]}, [0, 0, 3], [2, 3, 5], {"x": [0, 0, 5]})
)
test_relu_random = RELU.random("random numbers: half the sum of x and |x|")
test_relu_gradient = RELU.gradient("the gradient agrees with finite differences")
test_relu_gradient_at_zero = RELU.by_hand(
    "at exactly 0 no gradient passes", ({"x": [0.0, -0.0]}, [0, 0], [5, -7], {"x": [0, 0]})
)
test_relu_nan = RELU.by_hand(
    "nan stays nan, and infinity infinity", ({"x": [np.nan, np.inf, -np.inf, 1.0]}, [np.nan, np.inf, 0, 1])
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


test_relu_laws = RELU.laws("the laws of every operation: calls, passes and memory do not get mixed up")

SIGMOID = OpInfo(
    ops.sigmoid,
    samples=lambda rng: [{"x": some(rng, *shape, spread=4)} for shape in SHAPES],
    truth=lambda x: np.reshape([(1 + math.tanh(v / 2)) / 2 for v in x.ravel()], x.shape),
)

test_sigmoid_shape = SIGMOID.shape("the shape and dtype of x, whatever they are")
test_sigmoid_by_hand = SIGMOID.by_hand(
    "sigmoid([0, ln 3]) is [0.5, 0.75], with slopes [0.25, 0.1875]",
    ({"x": [0.0, THREE]}, [0.5, 0.75], [4, 16], {"x": [1, 3]}),
)
test_sigmoid_random = SIGMOID.random("random numbers: (1 + tanh(x / 2)) / 2, from Python's math")
test_sigmoid_gradient = SIGMOID.gradient("the gradient agrees with finite differences")
test_sigmoid_large = SIGMOID.stable(
    "no overflow for very large and very small x",
    ({"x": [-1000.0]}, [0], [8], {"x": [0]}),
    ({"x": [1000.0]}, [1], [8], {"x": [0]}),
    ({"x": [-89.5, 0.0, 89.5]}, [0, 0.5, 1], [8, 8, 8], {"x": [0, 2, 0]}),
)
test_sigmoid_laws = SIGMOID.laws("the laws of every operation: calls, passes and memory do not get mixed up")


wrong(
    ops.relu,
    {
        "the gradient passes everywhere, as if nothing had been cut": ("lambda g: masked(g, y > 0)", "lambda g: g * 1"),
        "at exactly 0 the gradient passes": ("y > 0", "x.data >= 0"),
        "the gradient is the slope alone; the gradient that came back is not multiplied in": (
            "lambda g: masked(g, y > 0)",
            "lambda g: y > 0",
        ),
        "the sign is dropped: this is |x|": ("np.maximum(x.data, 0)", "np.abs(x.data)"),
        "nan becomes 0, which hides a fault somewhere else": (
            "np.maximum(x.data, 0)",
            "np.where(x.data > 0, x.data, 0)",
        ),
        "the result is always float64": ("np.maximum(x.data, 0)", "np.maximum(x.data, np.zeros(x.shape))"),
        "the result is flattened to one dimension": ("np.maximum(x.data, 0)", "np.maximum(x.data, 0).ravel()"),
    },
)
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
        "the result is always float64": ("np.minimum(x.data, 0)", "np.minimum(x.data.astype(float), 0)"),
    },
)
