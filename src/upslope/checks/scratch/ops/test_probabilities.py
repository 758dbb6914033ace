"""What logsumexp and softmax must do."""

import math

import numpy as np

from upslope.checks import survives, wrong
from upslope.checks.op_info import OpInfo
from upslope.checks.samples import some
from upslope.scratch import ops

INF, LN3 = math.inf, math.log(3)
# Shapes with the dimension that is summed over.
ALONG = (((2, 3), 1), ((4,), 0), ((4,), -1), ((2, 3), 0), ((2, 3), -2), ((3, 2, 4), 1), ((1, 1), 0), ((4, 100), 1))
LARGE = ([1000.0, 1001.0, 1002.0], [-1000.0, -1000.0], [1000.0, -1000.0], [100.0, -100.0, 101.0])
APART = {"x": [[1000.0, 999.0], [-1000.0, -1001.0]], "dim": 1}


def log_of_sum(row):
    """log sum exp of a few numbers by Python's math: sums without rounding error, exp of numbers that fit."""
    top = max(row)
    return top + math.log(math.fsum(math.exp(v - top) for v in row))


def log_of_sums(x, dim=-1, keepdim=False):
    out = np.apply_along_axis(log_of_sum, dim, x)
    return np.expand_dims(out, dim) if keepdim else out


def shares(row):
    """What part of the sum of exponentials each number has."""
    total = log_of_sum(row)
    return np.array([math.exp(v - total) for v in row])


def slopes(row, g):
    """What softmax makes of a gradient g: each share times how far g lies above the average."""
    return shares(row) * (g - shares(row) @ g)


LOGSUMEXP = OpInfo(
    ops.logsumexp,
    samples=lambda rng: [
        {"x": some(rng, *shape, spread=3), "dim": dim} | more
        for shape, dim in ALONG
        for more in ({}, {"keepdim": True})
    ],
    truth=log_of_sums,
)

test_logsumexp_shape = LOGSUMEXP.shape("the shape without dim, or with size 1 there if keepdim, and the dtype of x")
test_logsumexp_by_hand = LOGSUMEXP.by_hand(
    "logsumexp([0, ln 3]) is ln 4, with slopes [0.25, 0.75]",
    ({"x": [0.0, LN3]}, math.log(4), 2, {"x": [0.5, 1.5]}),
    ({"x": [[0.0, LN3], [0.0, 0.0]]}, [math.log(4), math.log(2)]),
)
test_logsumexp_random = LOGSUMEXP.random("random numbers along every dimension")
test_logsumexp_gradient = LOGSUMEXP.gradient("the gradient agrees with finite differences")
test_logsumexp_large = LOGSUMEXP.stable(
    "stable for large scores",
    *(({"x": row, "dim": 0}, ..., 2, {"x": 2 * shares(row)}) for row in LARGE),
    dtypes=("float32",),
)
test_logsumexp_rows_apart = LOGSUMEXP.stable("each row has a largest score of its own", (APART, ...))
test_logsumexp_minus_infinity = LOGSUMEXP.by_hand(
    "a score of -inf counts for nothing, a row of them gives -inf",
    ({"x": [0.0, -INF, LN3]}, math.log(4)),
    ({"x": [-INF, -INF]}, -INF),
    ({"x": [[-INF, -INF], [0.0, LN3]]}, [-INF, math.log(4)]),
)
test_logsumexp_no_warning = LOGSUMEXP.stable("log 0 gives -inf without a warning", ({"x": [-INF, -INF]}, -INF))
test_logsumexp_laws = LOGSUMEXP.laws("the laws of every operation: calls, passes and memory do not get mixed up")

SOFTMAX = OpInfo(
    ops.softmax,
    samples=lambda rng: [{"x": some(rng, *shape, spread=3), "dim": dim} for shape, dim in ALONG],
    truth=lambda x, dim=-1: np.apply_along_axis(shares, dim, x),
)

test_softmax_shape = SOFTMAX.shape("the shape of x, whatever dim is", dtypes=("float64",))
test_softmax_dtype = SOFTMAX.shape("float32 stays float32, float64 stays float64", lambda rng: [{"x": some(rng, 2, 3)}])
test_softmax_by_hand = SOFTMAX.by_hand(
    "softmax([0, ln 3]) is [0.25, 0.75], and g = [1, 0] goes back as [0.1875, -0.1875]",
    ({"x": [0.0, LN3]}, [0.25, 0.75], [1, 0], {"x": [0.1875, -0.1875]}),
)
test_softmax_random = SOFTMAX.random("random numbers along every dimension")
test_softmax_gradient = SOFTMAX.gradient("the gradient agrees with finite differences")
test_softmax_large = SOFTMAX.stable(
    "stable for large scores",
    *(({"x": row, "dim": 0}, ..., g, {"x": slopes(row, g)}) for row in LARGE for g in ([3.0, -1.0, 2.0][: len(row)],)),
    dtypes=("float32",),
)
test_softmax_rows_apart = SOFTMAX.stable("each row has a largest score of its own", (APART, ...))
test_softmax_minus_infinity = SOFTMAX.by_hand(
    "a score of -inf gets probability 0", ({"x": [0.0, -INF, LN3]}, [0.25, 0, 0.75])
)
test_softmax_default = SOFTMAX.random(
    "without dim the last dimension sums to 1", lambda rng: [{"x": some(rng, *shape)} for shape in ((2, 3), (3, 2, 2))]
)
test_softmax_laws = SOFTMAX.laws("the laws of every operation: calls, passes and memory do not get mixed up")


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
        "every score gets all of g, not its share of the sum": ("* e / total", "* np.ones_like(e)"),
        "the result is always float64": ("e = np.exp(x.data - top)", "e = np.exp((x.data - top).astype(float))"),
    },
)
wrong(
    ops.softmax,
    {
        "exp before the largest score is subtracted": ("x.data - x.data.max(axis=dim, keepdims=True)", "x.data"),
        "the largest score of all rows is subtracted, not each row's own": (
            "x.data.max(axis=dim, keepdims=True)",
            "x.data.max()",
        ),
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
