"""Matrix products: weighted sums, the work that nearly all of a network's time goes into."""

import math

import numpy as np

from upslope.scratch.tensor import Tensor


def matmul(x: Tensor, y: Tensor) -> Tensor:
    """The matrix product x @ y: out[..., i, j] = sum_k x[..., i, k] y[..., k, j].

    x is (..., I, K), y is (..., K, J), the result (..., I, J) in their dtype. Dimensions in front of the last two are
    batches and broadcast: (8, 1, 2, 3) @ (5, 3, 4) is (8, 5, 2, 4). A 1-D x counts as one row, a 1-D y as one column,
    and that dimension is not in the result: (3,) @ (3,) is a scalar. Sizes that do not fit, and scalars, raise a
    ValueError with both shapes.
    Backward: x.grad += g @ y^T and y.grad += x^T @ g, summed over batch dimensions that were broadcast (by the engine).
    [[1, 2]] @ [[3], [4]] is [[11]], and g = [[1]] goes back as [[3, 4]] to x and [[1], [2]] to y.
    """
    if 0 in (x.ndim, y.ndim) or x.shape[-1] != y.shape[-2 if y.ndim > 1 else 0]:
        raise ValueError(
            f"matmul: shapes {x.shape} and {y.shape} do not fit; rows of x meet columns of y of that length"
        )
    # A vector on the left is one row, a vector on the right one column.
    one_row, one_column = x.ndim == 1, y.ndim == 1
    rows = x.data[np.newaxis, :] if one_row else x.data
    columns = y.data[:, np.newaxis] if one_column else y.data
    # Every row meets every column; the row or column that was a vector is not in the result's shape.
    product = rows @ columns
    shape = product.shape
    out = product.squeeze((-2,) * one_row + (-1,) * one_column)

    def gradient_of_y(g: np.ndarray) -> np.ndarray:
        # y[k, j] was multiplied by x[i, k] on its way to every out[i, j]: sum over i.
        gradient: np.ndarray = rows.swapaxes(-1, -2) @ g.reshape(shape)
        return gradient[..., 0] if one_column else gradient

    return Tensor.of(
        out,
        # x[i, k] was multiplied by y[k, j] on its way to every out[i, j]: sum over j.
        (x, lambda g: g.reshape(shape) @ columns.swapaxes(-1, -2)),
        (y, gradient_of_y),
    )


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x @ weight^T + bias in one step: x (..., in), weight (out, in), bias (out,), result (..., out).

    x.grad += g @ weight, weight.grad += g^T @ x, bias.grad += g, the last two summed over everything in front.
    """
    if not x.ndim or weight.ndim != 2 or x.shape[-1] != weight.shape[1]:
        raise ValueError(f"linear: x of shape {x.shape} does not fit a weight of shape {weight.shape}")
    w = weight.data
    n_out, n_in = w.shape
    shape = x.shape
    # Written out, not -1: of no numbers at all, any number of rows could be made.
    count = math.prod(shape[:-1])
    rows = x.data.reshape(count, n_in)
    out = rows @ w.T
    if bias is not None:
        out += bias.data
    return Tensor.of(
        out if len(shape) == 2 else out.reshape(*shape[:-1], n_out),
        (x, lambda g: (g.reshape(count, n_out) @ w).reshape(shape)),
        (weight, lambda g: g.reshape(count, n_out).T @ rows),
        (bias, lambda g: g),
    )
