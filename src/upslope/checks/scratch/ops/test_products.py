"""What matmul must do."""

import numpy as np

from upslope.checks import survives, wrong
from upslope.checks.op_info import OpInfo
from upslope.checks.samples import some
from upslope.scratch import ops

# Shapes of x and y.
MATRICES = (((2, 3), (3, 4)), ((1, 3), (3, 1)), ((4, 1), (1, 2)), ((2, 2), (2, 2)), ((8, 128), (128, 10)))
VECTORS = (((3,), (3,)), ((3,), (3, 2)), ((2, 3), (3,)), ((3,), (4, 3, 2)), ((4, 2, 3), (3,)))
BATCHES = (((2, 2, 3), (2, 3, 2)), ((2, 2, 3), (3, 4)), ((2, 3), (4, 3, 2)), ((2, 1, 2, 3), (3, 3, 4)))


def drawn(*shapes):
    return lambda rng: [{"x": some(rng, *a), "y": some(rng, *b)} for a, b in shapes]


def product(x, y):
    """The sum over k, written out, in float64: not one matrix product in it."""
    rows = np.atleast_2d(x)
    columns = y[:, np.newaxis] if y.ndim == 1 else y
    out = sum(rows[..., :, k, np.newaxis] * columns[..., np.newaxis, k, :] for k in range(columns.shape[-2]))
    out = out[..., 0, :] if x.ndim == 1 else out
    return out[..., 0] if y.ndim == 1 else out


def misfit(a, b):
    """A call with inputs of these shapes, and what its error must say."""
    return {"x": np.ones(a), "y": np.ones(b)}, [str(a), str(b)]


MATMUL = OpInfo(ops.matmul, samples=drawn(*MATRICES, *VECTORS, *BATCHES), truth=product)

test_matmul_shape = MATMUL.shape("shapes of matrices, vectors and batches, and the dtype of x and y")
test_matmul_by_hand = MATMUL.by_hand(
    "[[1, 2]] @ [[3], [4]] is [[11]], and g = [[5]] goes back as [[15, 20]] and [[5], [10]]",
    ({"x": [[1.0, 2.0]], "y": [[3.0], [4.0]]}, [[11]], [[5]], {"x": [[15, 20]], "y": [[5], [10]]}),
)
test_matmul_random = MATMUL.random("random matrices", drawn(*MATRICES), atol=1e-4)
test_matmul_gradient = MATMUL.gradient("the gradient agrees with finite differences", drawn(*MATRICES[:-1]))
test_matmul_vectors = MATMUL.random("a vector is one row on the left and one column on the right", drawn(*VECTORS))
test_matmul_vectors_gradient = MATMUL.gradient("the gradient of a vector is a vector", drawn(*VECTORS))
test_matmul_batches = MATMUL.random("batches broadcast", drawn(*BATCHES))
test_matmul_batches_gradient = MATMUL.gradient("what was used for a whole batch collects the sum", drawn(*BATCHES))
test_matmul_misfit = MATMUL.refuses(
    "sizes that do not fit, and scalars, raise a ValueError with both shapes",
    *(misfit(a, b) for a, b in (((2, 3), (2, 3)), ((3,), (2,)), ((4, 2), (3,)), ((2, 2, 3), (2, 2, 3)))),
    *(misfit(a, b) for a, b in (((), (2,)), ((2, 2), ()), ((), ()))),
)
test_laws = MATMUL.laws("the laws of every operation: calls, passes and memory do not get mixed up")


wrong(
    ops.matmul,
    {
        "y is not transposed in the gradient of x": (
            "g.reshape(shape) @ columns.swapaxes(-1, -2)",
            "g.reshape(shape) @ columns",
        ),
        "x is not transposed in the gradient of y": (
            "rows.swapaxes(-1, -2) @ g.reshape(shape)",
            "rows @ g.reshape(shape)",
        ),
        "the two gradients are exchanged": (
            "(x, lambda g: g.reshape(shape) @ columns.swapaxes(-1, -2)),\n        (y, gradient_of_y),",
            "(y, lambda g: g.reshape(shape) @ columns.swapaxes(-1, -2)),\n        (x, gradient_of_y),",
        ),
        ".T turns all dimensions around, the batch's too, where only the last two may change places": (
            "columns.swapaxes(-1, -2)",
            "columns.T",
        ),
        "x and y are multiplied in the wrong order": ("product = rows @ columns", "product = columns @ rows"),
        "the row or column that stood for a vector stays in the shape": (
            "out = product.squeeze((-2,) * one_row + (-1,) * one_column)",
            "out = product * 1",
        ),
        "the gradient of a vector y keeps its column": (
            "return gradient[..., 0] if one_column else gradient",
            "return gradient",
        ),
        "the sizes are not looked at, so the error is NumPy's and shows no shapes": (
            "if 0 in (x.ndim, y.ndim) or x.shape[-1] != y.shape[-2 if y.ndim > 1 else 0]:",
            "if False:",
        ),
    },
)
survives(
    ops.matmul,
    {
        "a vector's first dimension is its last": [("else 0]:", "else -1]:")],
        "the first of two dimensions is the last but one": [("y.ndim > 1 else", "y.ndim > 2 else")],
        "one column is the first and the last": [("gradient[..., 0]", "gradient[..., -1]")],
    },
)
