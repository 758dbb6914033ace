"""What cross_entropy must do."""

import math

import numpy as np

from upslope.checks import grades, survives, wrong
from upslope.checks.expect import close
from upslope.checks.op_info import OpInfo
from upslope.checks.samples import some
from upslope.scratch import ops
from upslope.scratch.tensor import Tensor

LN3 = math.log(3)
SIZES = ((1, 2), (2, 3), (3, 2), (4, 4), (1, 1), (8, 100))


def surprise(logits, target, label_smoothing=0.0):
    """The mean over rows of -sum_j q_j log p_j by Python's math, row by row."""
    losses = []
    for row, label in zip(logits.tolist(), target, strict=True):
        top = max(row)
        log_sum = top + math.log(math.fsum(math.exp(z - top) for z in row))
        wanted = [(1 - label_smoothing) * (j == label) + label_smoothing / len(row) for j in range(len(row))]
        losses.append(math.fsum(q * (log_sum - z) for q, z in zip(wanted, row, strict=True)))
    return math.fsum(losses) / len(losses)


def drawn(**settings):
    """Logits and one label for each row; as many different labels as there can be."""
    return lambda rng: [
        {"logits": some(rng, batch, classes, spread=2), "target": rng.permutation(np.arange(batch) % classes)}
        | settings
        for batch, classes in SIZES
    ]


def row(logits, label, **settings):
    return {"logits": [logits], "target": [label], **settings}


LOSS = OpInfo(ops.cross_entropy, samples=drawn(), truth=surprise)

test_shape_and_dtype = LOSS.shape("a scalar of the logits' dtype")
test_by_hand = LOSS.by_hand(
    "cross_entropy([[0, ln 3]], [1]) is ln(4/3), with gradient [[0.25, -0.25]]",
    (row([0.0, LN3], 1), math.log(4 / 3), 2, {"logits": [[0.5, -0.5]]}),
    ({"logits": [[0.0, LN3], [0.0, LN3]], "target": [1, 0]}, math.log(16 / 3) / 2),
)
test_random = LOSS.random("random logits: the mean of what each row costs")
test_gradient = LOSS.gradient("the gradient agrees with finite differences")
test_large = LOSS.stable(
    "stable for large scores: sure and wrong costs the difference of the scores",
    (row([1000.0, 0.0], 0), 0, 2, {"logits": [[0, 0]]}),
    (row([1000.0, 0.0], 1), 1000, 2, {"logits": [[2, -2]]}),
    (row([-1000.0, 0.0], 1), 0, 2, {"logits": [[0, 0]]}),
    (row([0.0, 200.0, 0.0], 0), 200, 2, {"logits": [[-2, 2, 0]]}),
    (row([100.0, -100.0], 1), 200, 2, {"logits": [[2, -2]]}),
)
test_label_smoothing = LOSS.by_hand(
    "label smoothing spreads a part of the wanted probability over all classes",
    (row([0.0, LN3], 1, label_smoothing=0.2), 0.9 * math.log(4 / 3) + 0.1 * math.log(4)),
)
test_label_smoothing_random = LOSS.random("random logits with label smoothing", drawn(label_smoothing=0.3))
test_label_smoothing_gradient = LOSS.gradient(
    "the gradient with label smoothing agrees with finite differences", lambda rng: drawn(label_smoothing=0.3)(rng)[:4]
)
test_rows_apart = LOSS.stable(
    "each row has a largest score of its own",
    ({"logits": [[1000.0, 999.0], [-1000.0, -1001.0]], "target": [1, 1]}, ...),
)


@grades(ops.cross_entropy)
def test_labels(rng):
    """labels as a list, an array or a tensor"""
    z, y = some(rng, 3, 4), rng.permutation(3)
    for kind, labels in (("a list", y.tolist()), ("an int32 array", y.astype(np.int32)), ("a tensor", Tensor(y))):
        close(ops.cross_entropy(Tensor(z), labels), surprise(z, y), case=f"cross_entropy with labels in {kind}")


test_refuses = LOSS.refuses(
    "labels that are no classes, or too few, raise a ValueError",
    *(({"logits": np.ones((3, 4)), "target": labels}, []) for labels in ([0, 1, 4], [0, -1, 1], [0, 1])),
)
test_laws = LOSS.laws("the laws of every operation: calls, passes and memory do not get mixed up")


wrong(
    ops.cross_entropy,
    {
        "the losses are summed over the batch, not averaged": (
            "loss = -log_p[rows, labels].sum() / batch",
            "loss = -log_p[rows, labels].sum()",
        ),
        "log_p[:, labels] picks the label's column in every row, not the label of each row": (
            "loss = -log_p[rows, labels].sum() / batch",
            "loss = -log_p[:, labels].mean()",
        ),
        "the largest score is not subtracted before exp": (
            "shifted = logits.data - logits.data.max(axis=1, keepdims=True)",
            "shifted = logits.data * 1",
        ),
        "the logarithm is taken of softmax probabilities that may have been rounded to 0": (
            "log_p = shifted - np.log(total)",
            "log_p = np.log(e / total)",
        ),
        "label smoothing spreads over the other classes only, where each class, the right one too, gets s / C": (
            "label_smoothing * log_p.mean()",
            "label_smoothing * (log_p.mean() * classes + loss) / max(classes - 1, 1)",
        ),
        "label smoothing is missing in the gradient": (
            "e / total - label_smoothing / classes\n        gradient[rows, labels] -= 1 - label_smoothing",
            "e / total\n        gradient[rows, labels] -= 1",
        ),
        "labels that are no classes are not looked at": ("if not fits:", "if False:"),
        "the loss is always float64": (
            "loss = -log_p[rows, labels].sum() / batch",
            "loss = -log_p[rows, labels].sum(dtype=float) / batch",
        ),
    },
)
survives(
    ops.cross_entropy,
    {
        "a share of 0 taken from the label and given to all changes nothing": [("if label_smoothing:", "if True:")],
    },
)
