"""What eigenfaces must do."""

import numpy as np

from upslope.checks import grades, survives, wrong
from upslope.checks.expect import Mismatch, close, true
from upslope.checks.op_info import OpInfo
from upslope.image import eigenfaces as module


def both(pictures, count):
    """The mean on top of the axes, as one array."""
    got = module.eigenfaces(pictures, count=count)
    if type(got) is not tuple or len(got) != 2:
        raise Mismatch("what came back is not a pair", got=type(got).__name__, expected="(mean, axes)")
    mean, axes = got
    if np.shape(mean) != pictures.shape[1:]:
        raise Mismatch("the mean has another shape", got=str(np.shape(mean)), expected=str(pictures.shape[1:]))
    return np.vstack([mean[np.newaxis], axes])


def by_covariance(pictures, count):
    """The eigenvectors of the whole covariance, (P, P), largest eigenvalue first."""
    mean = np.array([np.sum(column) / len(column) for column in pictures.T])
    centered = pictures - mean
    values, vectors = np.linalg.eigh(centered.T @ centered / len(pictures))
    axes = vectors.T[np.argsort(-values)[:count]]
    flipped = [axis if axis[np.abs(axis).argmax()] > 0 else -axis for axis in axes]
    return np.vstack([mean, *flipped])


def faces(rng, number, pixels):
    """Pictures whose axes are clearly apart: each has half the deviation of the one before it."""
    inner = min(number - 1, pixels)
    axes = np.linalg.qr(rng.normal(size=(pixels, inner)))[0].T
    scores = rng.normal(size=(number, inner))
    scores = np.linalg.qr(scores - scores.mean(axis=0))[0] * 3.0 * 0.5 ** np.arange(inner)
    return rng.normal(size=pixels) + scores @ axes


SIZES = ((3, 2, 1), (4, 6, 3), (5, 9, 2), (7, 4, 4), (6, 3, 2))


def drawn(rng):
    for number, pixels, count in SIZES:
        yield {"pictures": faces(rng, number, pixels), "count": count}


EIGENFACES = OpInfo(module.eigenfaces, samples=drawn, truth=by_covariance, tensor=np.asarray, call=both)
THREE = np.array([[1.0, 0.0], [3.0, 4.0], [5.0, 8.0]])

test_shape_and_dtype = EIGENFACES.shape("a mean (P,) and axes (count, P), the pictures' dtype")
test_by_hand = EIGENFACES.by_hand(
    "[1, 0], [3, 4], [5, 8] have the mean [3, 4] and the axis [1, 2] / sqrt(5)",
    ({"pictures": THREE, "count": 1}, [[3.0, 4.0], [0.2**0.5, 2 * 0.2**0.5]]),
)
test_random = EIGENFACES.random("random pictures: the eigenvectors of the whole covariance")
test_large = EIGENFACES.large(
    "20 pictures of 120 pixels, of which 10 axes are asked for",
    lambda rng: [{"pictures": faces(rng, 20, 120), "count": 10}],
    dtype="float64",
)
test_refuses = EIGENFACES.refuses(
    "more axes than the pictures span, or none, raise a ValueError that says how many there are",
    ({"pictures": np.eye(3, 9), "count": 3}, ["count=3", "from 1 to 2", "3 pictures", "9 pixels"]),
    ({"pictures": np.eye(6, 2), "count": 3}, ["count=3", "from 1 to 2", "6 pictures", "2 pixels"]),
    ({"pictures": np.eye(3, 9), "count": 0}, ["count=0", "from 1 to 2"]),
)


@grades(module.eigenfaces)
def test_laws_of_axes(rng):
    """the axes are of length 1, orthogonal, and each has the largest variance that is left"""
    pictures = faces(rng, 8, 12)
    axes = both(pictures, 5)[1:]
    close(axes @ axes.T, np.eye(5), case="axes @ axes.T", atol=1e-8)
    spread = ((pictures - pictures.mean(axis=0)) @ axes.T).std(axis=0)
    true(bool((np.diff(spread) < 0).all()), "a later axis has a larger variance", case="deviations along the axes")


@grades(module.eigenfaces)
def test_input_stays(rng):
    """the pictures are not changed"""
    pictures = faces(rng, 5, 6)
    before = pictures.copy()
    module.eigenfaces(pictures, count=2)
    close(pictures, before, case="the pictures after eigenfaces(pictures, count=2)", rtol=0, atol=0)


wrong(
    module.eigenfaces,
    {
        "the mean is not taken off, and the first axis points at it": (
            "np.linalg.svd(pictures - mean,",
            "np.linalg.svd(pictures,",
        ),
        "each picture's own mean is taken off, not the mean picture": (
            "np.linalg.svd(pictures - mean,",
            "np.linalg.svd(pictures - pictures.mean(axis=1, keepdims=True),",
        ),
        "the mean is one number over all pixels": (
            "mean = pictures.mean(axis=0)",
            "mean = np.full(pixels, pictures.mean(), dtype=pictures.dtype)",
        ),
        "the axes with the smallest variance are given": ("[2][:count]", "[2][:most][::-1][:count]"),
        "the axes have their deviations as lengths": (
            "np.linalg.svd(pictures - mean, full_matrices=False)[2][:count]",
            "(lambda u, s, v: s[:, np.newaxis] * v)(*np.linalg.svd(pictures - mean, full_matrices=False))[:count]",
        ),
        "signs are as the library gave them": ("axes * signs[:, np.newaxis]", "axes"),
        "the sum of each axis is made positive, not its largest number": (
            "signs = np.sign(axes[np.arange(count), largest])",
            "signs = np.where(axes.sum(axis=1) < 0, -1, 1).astype(axes.dtype)",
        ),
        "as many axes as pictures are given, the last of which means nothing": (
            "min(number - 1, pixels)",
            "min(number, pixels)",
        ),
        "no axes at all are given where none are asked for": ("1 <= count", "0 <= count"),
        "the mean is taken off in place": (
            "axes = np.linalg.svd(pictures - mean,",
            "pictures -= mean\n    axes = np.linalg.svd(pictures,",
        ),
        "mean and axes are always float64": ("mean = pictures", "mean = pictures.astype(np.float64)"),
    },
)
survives(
    module.eigenfaces,
    {
        "singular vectors beyond those of the pictures are made and cut off": [
            (", full_matrices=False", ""),
            ("full_matrices=False", "full_matrices=True"),
        ],
        "to divide by a sign is to multiply by it": [("axes * signs", "axes / signs")],
    },
)
