"""What matmul must do."""

from functools import partial

import numpy as np

from upslope.checks import grades, survives, wrong
from upslope.checks.expect import close, gradients, raises, tensor_of
from upslope.checks.laws import Call, keeps_laws
from upslope.checks.samples import leaf, some, spelled
from upslope.scratch import ops
from upslope.scratch.tensor import Tensor

# Shapes of x, y and x @ y.
MATRICES = (((2, 3), (3, 4), (2, 4)), ((1, 3), (3, 1), (1, 1)), ((4, 1), (1, 2), (4, 2)), ((2, 2), (2, 2), (2, 2)))
VECTORS = (
    ((3,), (3,), ()),
    ((3,), (3, 2), (2,)),
    ((2, 3), (3,), (2,)),
    ((3,), (4, 3, 2), (4, 2)),
    ((4, 2, 3), (3,), (4, 2)),
)
BATCHES = (
    ((2, 2, 3), (2, 3, 2), (2, 2, 2)),
    ((2, 2, 3), (3, 4), (2, 2, 4)),
    ((2, 3), (4, 3, 2), (4, 2, 2)),
    ((2, 1, 2, 3), (3, 3, 4), (2, 3, 2, 4)),
)


def product(x, y):
    """The sum over k, written out, in float64: not one matrix product in it."""
    rows = np.atleast_2d(x)
    columns = y[:, np.newaxis] if y.ndim == 1 else y
    out = sum(rows[..., :, k, np.newaxis] * columns[..., np.newaxis, k, :] for k in range(columns.shape[-2]))
    out = out[..., 0, :] if x.ndim == 1 else out
    return out[..., 0] if y.ndim == 1 else out


@grades(ops.matmul)
def test_matmul_shape(rng):
    """shapes of matrices, vectors and batches"""
    for a, b, shape in (*MATRICES, *VECTORS, *BATCHES):
        tensor_of(ops.matmul(Tensor(some(rng, *a)), Tensor(some(rng, *b))), shape, case=f"matmul of shapes {a} and {b}")


@grades(ops.matmul)
def test_matmul_dtype(rng):
    """float32 stays float32, float64 stays float64"""
    for dtype in ("float32", "float64"):
        x, y = some(rng, 2, 3).astype(dtype), some(rng, 3, 2).astype(dtype)
        tensor_of(ops.matmul(Tensor(x), Tensor(y)), (2, 2), dtype=dtype, case=f"matmul of {dtype} numbers")


@grades(ops.matmul)
def test_matmul_by_hand(rng):
    """[[1, 2]] @ [[3], [4]] is [[11]], and g = [[5]] goes back as [[15, 20]] and [[5], [10]]"""
    x, y = np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]])
    close(ops.matmul(Tensor(x), Tensor(y)), [[11]], case="[[1, 2]] @ [[3], [4]]")
    gradients(
        ops.matmul,
        [x, y],
        rng=rng,
        tensor=leaf,
        names=["x", "y"],
        case="[[1, 2]] @ [[3], [4]], g = [[5]]",
        upstream=np.array([[5.0]]),
        expected=[np.array([[15.0, 20.0]]), np.array([[5.0], [10.0]])],
    )


@grades(ops.matmul)
def test_matmul_random(rng):
    """random matrices"""
    for a, b, _ in (*MATRICES, ((7, 9), (9, 5), (7, 5))):
        x, y = some(rng, *a), some(rng, *b)
        close(
            ops.matmul(Tensor(x.astype(np.float32)), Tensor(y.astype(np.float32))),
            product(x, y),
            atol=1e-5,
            case=f"matmul({spelled(x)}, {spelled(y)})",
        )


@grades(ops.matmul)
def test_matmul_gradient(rng):
    """the gradient agrees with finite differences"""
    for a, b, _ in MATRICES:
        x, y = some(rng, *a), some(rng, *b)
        gradients(
            ops.matmul, [x, y], rng=rng, tensor=leaf, names=["x", "y"], case=f"matmul({spelled(x)}, {spelled(y)})"
        )


@grades(ops.matmul)
def test_matmul_vectors(rng):
    """a vector is one row on the left and one column on the right, in the gradient too"""
    for a, b, _ in VECTORS:
        x, y = some(rng, *a), some(rng, *b)
        case = f"matmul({spelled(x)}, {spelled(y)})"
        close(ops.matmul(Tensor(x), Tensor(y)), product(x, y), case=case)
        gradients(ops.matmul, [x, y], rng=rng, tensor=leaf, names=["x", "y"], case=case)


@grades(ops.matmul)
def test_matmul_batches(rng):
    """batches broadcast, and what was used for a whole batch collects the sum"""
    for a, b, _ in BATCHES:
        x, y = some(rng, *a), some(rng, *b)
        case = f"matmul({spelled(x)}, {spelled(y)})"
        close(ops.matmul(Tensor(x), Tensor(y)), product(x, y), case=case)
        gradients(ops.matmul, [x, y], rng=rng, tensor=leaf, names=["x", "y"], case=case)


@grades(ops.matmul)
def test_matmul_misfit(rng):
    """sizes that do not fit raise a ValueError with both shapes"""
    for a, b in (((2, 3), (2, 3)), ((3,), (2,)), ((4, 2), (3,)), ((2, 2, 3), (2, 2, 3))):
        raises(
            ValueError,
            partial(ops.matmul, Tensor(np.ones(a)), Tensor(np.ones(b))),
            says=[str(a), str(b)],
            case=f"matmul of shapes {a} and {b}",
        )


@grades(ops.matmul)
def test_scalars(rng):
    """a scalar on either side raises a ValueError with both shapes"""
    for left, right in (((), (2,)), ((2, 2), ()), ((), ())):
        call = partial(ops.matmul, Tensor(some(rng, *left)), Tensor(some(rng, *right)))
        raises(ValueError, call, case=f"matmul of shapes {left} and {right}", says=[str(left), str(right)])


@grades(ops.matmul)
def test_laws(rng):
    """the laws of every operation: calls, passes and memory do not get mixed up"""
    shapes = (((2, 3), (3, 4)), ((4, 2), (2, 5)))
    keeps_laws(*(Call(ops.matmul, [some(rng, *x), some(rng, *y)]) for x, y in shapes))


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
        "the gradient of y is averaged over the rows of x, not summed": (
            "rows.swapaxes(-1, -2) @ g.reshape(shape)",
            "rows.swapaxes(-1, -2) @ g.reshape(shape) / rows.shape[-2]",
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
