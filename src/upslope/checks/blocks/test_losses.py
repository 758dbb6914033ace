"""What smoothed_cross_entropy must do."""

import math

import numpy as np
from torch.nn import functional as F

from upslope.blocks import losses
from upslope.checks import survives, wrong
from upslope.checks.blocks.tensors import TorchOp
from upslope.checks.samples import some

LN3 = math.log(3)
# Batch, classes.
SIZES = ((1, 2), (2, 3), (3, 2), (4, 4), (1, 1), (8, 100))


def surprise(logits, labels, smoothing=0.0):
    """The mean over rows of -sum_k q_k log p_k by Python's math, row by row."""
    costs = []
    for row, label in zip(logits.tolist(), labels, strict=True):
        top = max(row)
        log_sum = top + math.log(math.fsum(math.exp(z - top) for z in row))
        wanted = [(1 - smoothing) * (k == label) + smoothing / len(row) for k in range(len(row))]
        costs.append(math.fsum(q * (log_sum - z) for q, z in zip(wanted, row, strict=True)))
    return math.fsum(costs) / len(costs)


def drawn(rng, smoothing=0.3):
    """Logits and one label for each row; as many different labels as there can be."""
    for batch, classes in SIZES:
        labels = rng.permutation(np.arange(batch) % classes)
        yield {"logits": some(rng, batch, classes, spread=2), "labels": labels, "smoothing": smoothing}


def without(rng):
    return [{name: value for name, value in sample.items() if name != "smoothing"} for sample in drawn(rng)]


LOSS = TorchOp(
    losses.smoothed_cross_entropy,
    samples=drawn,
    truth=surprise,
    peer=lambda logits, labels, smoothing=0.0: F.cross_entropy(logits, labels, label_smoothing=smoothing),
)

test_shape_and_dtype = LOSS.shape("a scalar of the logits' dtype")
test_by_hand = LOSS.by_hand(
    "logits [0, ln 3], label 1 and smoothing 0.2 cost 0.3975",
    ({"logits": [[0.0, LN3]], "labels": [1], "smoothing": 0.2}, 0.9 * math.log(4 / 3) + 0.1 * math.log(4)),
)
test_without_smoothing = LOSS.random("without smoothing it is the plain cross-entropy", without)
test_random = LOSS.random("random logits: each row's own wanted distribution, and the mean over the rows")
test_gradient = LOSS.gradient("the gradient agrees with finite differences")
test_large = LOSS.stable(
    "stable for large logits, and for rows far apart: loss and gradient stay finite",
    ({"logits": [[-1000.0, 0.0]], "labels": [1], "smoothing": 0.2}, ..., 1, {"logits": [[-0.1, 0.1]]}),
    ({"logits": [[1000.0, 0.0]], "labels": [1], "smoothing": 0.2}, ..., 1, {"logits": [[0.9, -0.9]]}),
    ({"logits": [[100.0, -100.0]], "labels": [1], "smoothing": 0.2}, ..., 1, {"logits": [[0.9, -0.9]]}),
    ({"logits": [[100.0, 99.0], [-100.0, -101.0]], "labels": [1, 1], "smoothing": 0.2}, ...),
)
test_refuses = LOSS.refuses(
    "a smoothing outside of [0, 1) raises a ValueError that says it",
    *(
        ({"logits": [[0.0, 1.0]], "labels": [1], "smoothing": value}, [f"smoothing={value:g}", "[0, 1)"])
        for value in (1.0, 1.5, -0.1)
    ),
)
test_laws = LOSS.laws("the laws of every operation: calls, passes and memory do not get mixed up")


wrong(
    losses.smoothed_cross_entropy,
    {
        "smoothing is spread over the K - 1 other classes, where all K get it": (
            "evenly = log_p.mean(dim=1)",
            "evenly = (log_p.sum(dim=1) - of_label) / max(1, log_p.shape[1] - 1)",
        ),
        "smoothing is taken from the label and given to none": (
            "(1 - smoothing) * of_label + smoothing * evenly",
            "(1 - smoothing) * of_label",
        ),
        "the losses are summed over the batch, not averaged": ("evenly).mean()", "evenly).sum()"),
        "the logarithm is taken of probabilities that may have been rounded to 0": (
            "logits - logits.logsumexp(dim=1, keepdim=True)",
            "logits.softmax(dim=1).log()",
        ),
        "log_p[:, labels] picks the label's column in every row, not the label of each row": (
            "log_p.gather(1, labels[:, None]).squeeze(1)",
            "log_p[:, labels].mean(dim=1)",
        ),
        "a smoothing of 1 is accepted, with which no label counts": ("0 <= smoothing < 1", "0 <= smoothing <= 1"),
        "the sum of the exponentials is cut from the graph": (
            "logsumexp(dim=1, keepdim=True)",
            "logsumexp(dim=1, keepdim=True).detach()",
        ),
        "the loss is always float64": ("log_p = logits - logits", "log_p = logits.double() - logits"),
    },
)
survives(
    losses.smoothed_cross_entropy,
    {
        "the mean over all pairs of labels and rows is the mean over rows": [(".squeeze(1)", ".squeeze(0)")],
        "the mean over rows is taken in the end": [("log_p.mean(dim=1)", "log_p.mean()")],
    },
)
