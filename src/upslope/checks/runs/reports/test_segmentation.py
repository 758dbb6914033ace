"""What mean_iou must do."""

import numpy as np

from upslope.checks import grades, wrong
from upslope.checks.expect import Mismatch, close
from upslope.checks.op_info import OpInfo
from upslope.runs.reports import segmentation as module


def drawn(rng, sizes=(1, 2, 3, 5, 11)):
    for size in sizes:
        yield {"matrix": rng.integers(1, 60, (size, size))}


def with_absent(rng):
    """Some classes are in neither, some only claimed, some only there."""
    for size in (3, 6, 6, 9):
        matrix = rng.integers(1, 60, (size, size))
        gone, claimed = rng.permutation(size)[:2]
        matrix[gone], matrix[:, gone] = 0, 0
        matrix[claimed] = 0
        yield {"matrix": matrix}


def class_by_class(matrix):
    shares = []
    for k in range(len(matrix)):
        row, column = sum(matrix[k].tolist()), sum(matrix[:, k].tolist())
        either = row + column - int(matrix[k, k])
        if either:
            shares.append(int(matrix[k, k]) / either)
    return np.array(sum(shares) / len(shares))


IOU = OpInfo(module.mean_iou, samples=drawn, truth=class_by_class, tensor=np.asarray)

test_by_hand = IOU.by_hand(
    "[[3, 1], [0, 4]] has the IoUs 3/4 and 4/5: 0.775", ({"matrix": np.array([[3, 1], [0, 4]])}, 0.775)
)
test_ends = IOU.by_hand(
    "everything right is 1, everything wrong is 0",
    ({"matrix": np.diag([5, 1, 9])}, 1.0),
    ({"matrix": np.array([[0, 4], [3, 0]])}, 0.0),
)
test_rare = IOU.by_hand(
    "a class of one pixel counts as much as one of a thousand",
    ({"matrix": np.array([[1000, 0], [1, 0]])}, 1000 / 1001 / 2),
)
test_claimed = IOU.by_hand(
    "a class that is only claimed, or only there, has the IoU 0 and is in the mean",
    ({"matrix": np.array([[4, 4, 0], [0, 0, 0], [0, 0, 8]])}, (0.5 + 0 + 1) / 3),
    ({"matrix": np.array([[4, 0], [4, 0]])}, 0.25),
)
test_absent = IOU.by_hand(
    "a class that is in neither has none, and is not in the mean",
    ({"matrix": np.array([[3, 0, 1], [0, 0, 0], [0, 0, 4]])}, 0.775),
)
test_random = IOU.random("random matrices", dtypes=("float64",))
test_some_absent = IOU.random("random matrices in which classes are missing", with_absent, dtypes=("float64",))
test_large = IOU.large("50 classes", lambda rng: drawn(rng, sizes=(50,)), dtype="float64")
test_refuses = IOU.refuses(
    "a matrix without pixels: a ValueError that says it",
    ({"matrix": np.zeros((3, 3), dtype=np.int64)}, ("there are no pixels",)),
)


@grades(module.mean_iou)
def test_a_number(rng):
    """a Python float, and the matrix stays as it is"""
    matrix = np.array([[3, 1], [0, 4]])
    got = module.mean_iou(matrix)
    if type(got) is not float:
        raise Mismatch("a Python float is wanted", case="mean_iou of two classes", got=type(got).__name__)
    close(matrix, [[3, 1], [0, 4]], case="the matrix afterwards")


wrong(
    module.mean_iou,
    {
        "the accuracy is given: pixels of all classes are added up": (
            "(shared[either > 0] / either[either > 0]).mean()",
            "shared.sum() / matrix.sum()",
        ),
        "what both share is counted twice in the union": (
            "matrix.sum(axis=0) + matrix.sum(axis=1) - shared",
            "matrix.sum(axis=0) + matrix.sum(axis=1)",
        ),
        "it is divided by what is there alone: recall": (
            "matrix.sum(axis=0) + matrix.sum(axis=1) - shared",
            "matrix.sum(axis=1)",
        ),
        "it is divided by what was claimed alone: precision": (
            "matrix.sum(axis=0) + matrix.sum(axis=1) - shared",
            "matrix.sum(axis=0)",
        ),
        "a class that is in neither counts as 0": (
            "(shared[either > 0] / either[either > 0]).mean()",
            "(shared / np.maximum(either, 1)).mean()",
        ),
        "a class that is in neither counts as 1": (
            "(shared[either > 0] / either[either > 0]).mean()",
            "np.where(either > 0, shared / np.maximum(either, 1), 1).mean()",
        ),
        "only classes that are there are in the mean": (
            "    return float((shared[",
            "    either = np.where(matrix.sum(axis=1) > 0, either, 0)\n    return float((shared[",
        ),
        "the sum of the upper parts is divided by the sum of the lower": (
            "(shared[either > 0] / either[either > 0]).mean()",
            "shared.sum() / either.sum()",
        ),
        "a NumPy number is given": ("float((shared", "((shared"),
        "a matrix without pixels gives nan": ("if not matrix.any():", "if False:"),
        "the truth's diagonal is taken out of the matrix itself": (
            "shared = np.diag(matrix)",
            "shared = np.diag(matrix).copy()\n    matrix -= np.diag(shared)",
        ),
    },
)
