"""What logsumexp and softmax must do."""

import math
from functools import partial

import numpy as np

from upslope.checks import grades, survives, wrong
from upslope.checks.expect import close, gradient_at, gradients, quiet, tensor_of
from upslope.checks.laws import Call, keeps_laws
from upslope.checks.samples import leaf, some, spelled
from upslope.scratch import ops
from upslope.scratch.tensor import Tensor

LN3 = math.log(3)
# Shapes with the dimension that is summed over.
ALONG = (((4,), 0), ((4,), -1), ((2, 3), 1), ((2, 3), 0), ((2, 3), -2), ((3, 2, 4), 1), ((1, 1), 0))


def log_of_sum(row):
    """log sum exp of a few numbers by Python's math: sums without rounding error, exp of numbers that fit."""
    top = max(row)
    return top + math.log(math.fsum(math.exp(v - top) for v in row))


def shares(row):
    """What part of the sum of exponentials each number has."""
    total = log_of_sum(row)
    return np.array([math.exp(v - total) for v in row])


@grades(ops.logsumexp)
def test_logsumexp_shape(rng):
    """the shape without dim, or with size 1 there if keepdim"""
    for shape, dim in ALONG:
        x = Tensor(some(rng, *shape))
        kept = list(shape)
        kept[dim] = 1
        gone = list(shape)
        del gone[dim]
        tensor_of(ops.logsumexp(x, dim), tuple(gone), case=f"logsumexp of shape {shape}, dim={dim}")
        tensor_of(
            ops.logsumexp(x, dim, keepdim=True),
            tuple(kept),
            case=f"logsumexp of shape {shape}, dim={dim}, keepdim=True",
        )
    tensor_of(ops.logsumexp(Tensor(some(rng, 2, 3))), (2,), case="logsumexp of shape (2, 3)")


@grades(ops.logsumexp)
def test_logsumexp_dtype(rng):
    """float32 stays float32, float64 stays float64"""
    for dtype in ("float32", "float64"):
        x = some(rng, 2, 3).astype(dtype)
        tensor_of(ops.logsumexp(Tensor(x)), (2,), dtype=dtype, case=f"logsumexp of {dtype} numbers")


@grades(ops.logsumexp)
def test_logsumexp_by_hand(rng):
    """logsumexp([0, ln 3]) is ln 4, with slopes [0.25, 0.75]"""
    x = np.array([0.0, LN3])
    close(ops.logsumexp(Tensor(x)), math.log(4), case="logsumexp([0, ln 3])")
    gradients(
        ops.logsumexp,
        [x],
        rng=rng,
        tensor=leaf,
        names="x",
        case="logsumexp([0, ln 3]), g = 2",
        upstream=np.array(2.0),
        expected=[np.array([0.5, 1.5])],
    )


@grades(ops.logsumexp)
def test_logsumexp_random(rng):
    """random numbers along every dimension"""
    for shape, dim in (*ALONG, ((5, 4, 6), 0)):
        x = some(rng, *shape, spread=3)
        truth = np.apply_along_axis(log_of_sum, dim, x)
        case = f"logsumexp({spelled(x)}, dim={dim})"
        close(ops.logsumexp(Tensor(x.astype(np.float32)), dim), truth, case=case)
        kept = ops.logsumexp(Tensor(x), dim, keepdim=True)
        close(kept, np.expand_dims(truth, dim), case=f"{case[:-1]}, keepdim=True)")


@grades(ops.logsumexp)
def test_logsumexp_gradient(rng):
    """the gradient agrees with finite differences"""
    for shape, dim in (((3,), 0), ((2, 3), 1), ((3, 3), 0), ((2, 3, 2), 1)):
        for keepdim in (False, True):
            x = some(rng, *shape)
            case = f"logsumexp({spelled(x)}, dim={dim}" + (", keepdim=True)" if keepdim else ")")
            f = partial(ops.logsumexp, dim=dim, keepdim=keepdim)
            gradients(f, [x], rng=rng, tensor=leaf, names="x", case=case)


@grades(ops.logsumexp)
def test_logsumexp_large(rng):
    """stable for large scores"""
    for row in ([1000.0, 1001.0, 1002.0], [-1000.0, -1000.0], [1000.0, -1000.0]):
        case = f"logsumexp({spelled(row)})"
        x = leaf(np.array(row, dtype=np.float32))
        f = partial(ops.logsumexp, dim=0)
        quiet(partial(f, x), log_of_sum(row), case=case, rtol=1e-6)
        # exp(x - logsumexp(x)) is right too, and around 1000 float32 leaves it four digits.
        slope = partial(gradient_at, f, x, Tensor(np.float32(2)))
        quiet(slope, 2 * shares(row), case=f"{case}, g = 2: gradient of x", rtol=1e-3)


@grades(ops.logsumexp)
def test_logsumexp_rows_apart(rng):
    """each row has a largest score of its own"""
    x = np.array([[1000.0, 999.0], [-1000.0, -1001.0]])
    expected = [log_of_sum(row) for row in x]
    quiet(partial(ops.logsumexp, Tensor(x), 1), expected, case=f"logsumexp({spelled(x)}, dim=1)", rtol=1e-9)


@grades(ops.logsumexp)
def test_logsumexp_minus_infinity(rng):
    """a score of -inf counts for nothing, a row of them gives -inf"""
    inf = math.inf
    close(ops.logsumexp(Tensor(np.array([0.0, -inf, LN3]))), math.log(4), case="logsumexp([0, -inf, ln 3])")
    close(ops.logsumexp(Tensor(np.array([-inf, -inf]))), -inf, case="logsumexp([-inf, -inf])")
    close(
        ops.logsumexp(Tensor(np.array([[-inf, -inf], [0.0, LN3]]))),
        [-inf, math.log(4)],
        case="logsumexp([[-inf, -inf], [0, ln 3]])",
    )


@grades(ops.logsumexp)
def test_logsumexp_no_warning(rng):
    """log 0 gives -inf without a warning"""
    quiet(partial(ops.logsumexp, Tensor(np.array([-math.inf, -math.inf]))), -math.inf, case="logsumexp([-inf, -inf])")


@grades(ops.logsumexp)
def test_logsumexp_laws(rng):
    """the laws of every operation: calls, passes and memory do not get mixed up"""
    keeps_laws(*(Call(ops.logsumexp, [some(rng, *shape)]) for shape in ((2, 3), (4, 2))))


wrong(
    ops.logsumexp,
    {
        "exp before the largest score is subtracted": (
            "top = np.where(np.isfinite(top), top, 0)",
            "top = np.zeros_like(top)",
        ),
        "a row of nothing but -inf has its -inf subtracted, which gives nan": (
            "top = np.where(np.isfinite(top), top, 0)",
            "top = top * 1",
        ),
        "the largest score is taken out and not put back": ("np.log(total) + top", "np.log(total)"),
        "the largest score of all rows is subtracted, not each row's own": (
            "top = x.data.max(axis=dim, keepdims=True)",
            "top = x.data.max()",
        ),
        "the sum runs along the last dimension, whatever dim says": (
            "e.sum(axis=dim, keepdims=True)",
            "e.sum(axis=-1, keepdims=True)",
        ),
        "keepdim is not looked at": ("out if keepdim else out.squeeze(dim)", "out.squeeze(dim)"),
        "every score gets all of g, not its share of the sum": ("* e / total", "* np.ones_like(e)"),
        "the slope is exp(x) without the division by the sum": ("* e / total", "* e"),
        "the gradient is not put back along dim before it meets the scores": (
            "(g if keepdim else np.expand_dims(g, dim))",
            "g",
        ),
        "the result is always float64": ("e = np.exp(x.data - top)", "e = np.exp((x.data - top).astype(float))"),
    },
)


@grades(ops.softmax)
def test_softmax_shape(rng):
    """the shape of x, whatever dim is"""
    for shape, dim in ALONG:
        tensor_of(ops.softmax(Tensor(some(rng, *shape)), dim), shape, case=f"softmax of shape {shape}, dim={dim}")
    tensor_of(ops.softmax(Tensor(some(rng, 2, 3))), (2, 3), case="softmax of shape (2, 3)")


@grades(ops.softmax)
def test_softmax_dtype(rng):
    """float32 stays float32, float64 stays float64"""
    for dtype in ("float32", "float64"):
        x = some(rng, 2, 3).astype(dtype)
        tensor_of(ops.softmax(Tensor(x)), (2, 3), dtype=dtype, case=f"softmax of {dtype} numbers")


@grades(ops.softmax)
def test_softmax_by_hand(rng):
    """softmax([0, ln 3]) is [0.25, 0.75], and g = [1, 0] goes back as [0.1875, -0.1875]"""
    x = np.array([0.0, LN3])
    close(ops.softmax(Tensor(x)), [0.25, 0.75], case="softmax([0, ln 3])")
    gradients(
        ops.softmax,
        [x],
        rng=rng,
        tensor=leaf,
        names="x",
        case="softmax([0, ln 3]), g = [1, 0]",
        upstream=np.array([1.0, 0.0]),
        expected=[np.array([0.1875, -0.1875])],
    )


@grades(ops.softmax)
def test_softmax_random(rng):
    """random numbers along every dimension"""
    for shape, dim in (*ALONG, ((5, 4, 6), 0)):
        x = some(rng, *shape, spread=3)
        truth = np.apply_along_axis(shares, dim, x)
        close(ops.softmax(Tensor(x.astype(np.float32)), dim), truth, case=f"softmax({spelled(x)}, dim={dim})")


@grades(ops.softmax)
def test_softmax_gradient(rng):
    """the gradient agrees with finite differences"""
    for shape, dim in (((3,), 0), ((2, 3), 1), ((3, 3), 0), ((2, 3, 2), 1)):
        x = some(rng, *shape)
        f = partial(ops.softmax, dim=dim)
        gradients(f, [x], rng=rng, tensor=leaf, names="x", case=f"softmax({spelled(x)}, dim={dim})")


@grades(ops.softmax)
def test_softmax_large(rng):
    """stable for large scores"""
    for row in ([1000.0, 1001.0, 1002.0], [-1000.0, -1000.0], [1000.0, -1000.0]):
        case = f"softmax({spelled(row)}, dim=0)"
        x = leaf(np.array(row, dtype=np.float32))
        f = partial(ops.softmax, dim=0)
        quiet(partial(f, x), shares(row), case=case)
        g = np.array([3.0, -1.0, 2.0], dtype=np.float32)[: len(row)]
        average = float(shares(row) @ g)
        slopes = [p * (v - average) for p, v in zip(shares(row), g, strict=True)]
        quiet(partial(gradient_at, f, x, Tensor(g)), slopes, case=f"{case}, g = {spelled(g)}: gradient of x")


@grades(ops.softmax)
def test_softmax_rows_apart(rng):
    """each row has a largest score of its own"""
    x = np.array([[1000.0, 999.0], [-1000.0, -1001.0]])
    expected = [shares(row) for row in x]
    quiet(partial(ops.softmax, Tensor(x), 1), expected, case=f"softmax({spelled(x)}, dim=1)")


@grades(ops.softmax)
def test_softmax_minus_infinity(rng):
    """a score of -inf gets probability 0"""
    close(ops.softmax(Tensor(np.array([0.0, -math.inf, LN3]))), [0.25, 0, 0.75], case="softmax([0, -inf, ln 3])")


@grades(ops.softmax)
def test_softmax_default(rng):
    """without dim the last dimension sums to 1"""
    x = some(rng, 2, 3)
    close(ops.softmax(Tensor(x)), [shares(row) for row in x], case=f"softmax({spelled(x)})")


@grades(ops.softmax)
def test_softmax_laws(rng):
    """the laws of every operation: calls, passes and memory do not get mixed up"""
    keeps_laws(*(Call(ops.softmax, [some(rng, *shape)]) for shape in ((2, 3), (4, 2))))


wrong(
    ops.softmax,
    {
        "exp before the largest score is subtracted": ("x.data - x.data.max(axis=dim, keepdims=True)", "x.data"),
        "the largest score of all rows is subtracted, not each row's own": (
            "x.data.max(axis=dim, keepdims=True)",
            "x.data.max()",
        ),
        "the sum runs over everything, not along dim": ("e / e.sum(axis=dim, keepdims=True)", "e / e.sum()"),
        "the sum runs along the last dimension, whatever dim says": (
            "e / e.sum(axis=dim, keepdims=True)",
            "e / e.sum(axis=-1, keepdims=True)",
        ),
        "the gradient treats each output as if it depended on its own score alone": (
            "p * (g - (g * p).sum(axis=dim, keepdims=True)))",
            "p * (1 - p) * g)",
        ),
        "the average that is taken from g is not weighted by p": (
            "(g * p).sum(axis=dim, keepdims=True)",
            "g.mean(axis=dim, keepdims=True)",
        ),
        "the gradient lacks its factor p": ("lambda g: p * (g", "lambda g: (g"),
        "the sum in the gradient runs over everything, not along dim": (
            "(g * p).sum(axis=dim, keepdims=True)",
            "(g * p).sum()",
        ),
        "the result is flattened to one dimension": ("x.then(p,", "x.then(p.ravel(),"),
        "the result is always float64": ("e = np.exp(shifted)", "e = np.exp(shifted.astype(float))"),
        "scores are cut off 5 below the largest, so that -inf still gets a share": (
            "e = np.exp(shifted)",
            "e = np.exp(np.maximum(shifted, -5))",
        ),
    },
)
survives(
    ops.logsumexp,
    {
        "a row of nothing but -inf may be shifted by any number": [
            ("np.where(np.isfinite(top), top, 0)", "np.where(np.isfinite(top), top, 1)"),
            ("np.where(np.isfinite(top), top, 0)", "np.where(np.isfinite(top), top, -1)"),
        ],
    },
)
