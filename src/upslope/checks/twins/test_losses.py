"""What sparse_smoothed_cross_entropy must do."""

import math

import numpy as np
import torch
from keras import losses as kept
from keras import ops
from torch.nn import functional as F

from upslope.checks import grades, wrong
from upslope.checks.blocks.tensors import TorchOp
from upslope.checks.expect import close
from upslope.checks.samples import some
from upslope.twins import losses

LN3 = math.log(3)
# Batch, classes.
SIZES = ((1, 2), (2, 3), (3, 2), (4, 4), (1, 1), (8, 100))


def surprise(labels, logits, smoothing=0.0):
    """-sum_k q_k log p_k by Python's math, row by row."""
    costs = []
    for row, label in zip(logits.tolist(), labels, strict=True):
        top = max(row)
        log_sum = top + math.log(math.fsum(math.exp(z - top) for z in row))
        wanted = [(1 - smoothing) * (k == label) + smoothing / len(row) for k in range(len(row))]
        costs.append(math.fsum(q * (log_sum - z) for q, z in zip(wanted, row, strict=True)))
    return np.array(costs)


def drawn(rng, smoothing=0.3):
    """Logits and one label for each row; as many different labels as there can be."""
    for batch, classes in SIZES:
        labels = rng.permutation(np.arange(batch) % classes)
        yield {"labels": labels, "logits": some(rng, batch, classes, spread=2), "smoothing": smoothing}


def without(rng):
    return [{name: value for name, value in sample.items() if name != "smoothing"} for sample in drawn(rng)]


LOSS = TorchOp(
    losses.sparse_smoothed_cross_entropy,
    samples=drawn,
    truth=surprise,
    peer=lambda labels, logits, smoothing=0.0: F.cross_entropy(
        logits, labels, label_smoothing=smoothing, reduction="none"
    ),
)

test_shape_and_dtype = LOSS.shape("a number for each sample, in the dtype of the logits")
test_by_hand = LOSS.by_hand(
    "logits [[0, ln 3]], the label [1] and smoothing 0.2 cost [0.3975]",
    (
        {"labels": [1], "logits": [[0.0, LN3]], "smoothing": 0.2},
        [0.9 * math.log(4 / 3) + 0.1 * math.log(4)],
    ),
)
test_without_smoothing = LOSS.random("without smoothing it is the plain cross-entropy of each sample", without)
test_random = LOSS.random("random logits: each row's own wanted distribution")
test_large = LOSS.stable(
    "stable for large logits, and for rows far apart: loss and gradient stay finite",
    ({"labels": [1], "logits": [[-1000.0, 0.0]], "smoothing": 0.2}, ..., [1.0], {"logits": [[-0.1, 0.1]]}),
    ({"labels": [1], "logits": [[1000.0, 0.0]], "smoothing": 0.2}, ..., [1.0], {"logits": [[0.9, -0.9]]}),
    ({"labels": [1, 1], "logits": [[100.0, 99.0], [-100.0, -101.0]], "smoothing": 0.2}, ...),
)


@grades(losses.sparse_smoothed_cross_entropy)
def test_gradient(rng):
    """the gradient at the logits is softmax minus the wanted distribution, sample by sample"""
    for sample in drawn(rng):
        z, labels = sample["logits"], sample["labels"]
        logits, g = torch.from_numpy(z).requires_grad_(), some(rng, len(z))
        out = losses.sparse_smoothed_cross_entropy(torch.from_numpy(labels), logits, smoothing=0.3)
        (out * torch.from_numpy(g)).sum().backward()
        p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
        q = 0.7 * np.eye(z.shape[1])[labels] + 0.3 / z.shape[1]
        # Some operations of Keras compute in 32 bits whatever they are given.
        case = f"labels {labels.tolist()}, smoothing 0.3, {z.shape[1]} classes: gradient of the logits"
        close(logits.grad, g[:, None] * (p - q), case=case, rtol=1e-4, atol=1e-5)


@grades(losses.sparse_smoothed_cross_entropy)
def test_floats(rng):
    """labels that came as floats count all the same"""
    labels, logits = rng.permutation(5), torch.from_numpy(some(rng, 5, 5))
    found = losses.sparse_smoothed_cross_entropy(torch.from_numpy(labels).float(), logits, smoothing=0.1)
    case = f"labels {labels.tolist()} as floats, smoothing 0.1"
    close(found, surprise(labels, logits.numpy(), 0.1), case=case)


@grades(losses.sparse_smoothed_cross_entropy)
def test_weighted(rng):
    """samples are weighed by Keras: those of weight 0 do not count, those of weight 2 twice"""

    class Loss(kept.Loss):  # type: ignore[misc]
        """As `compile` makes one of a function."""

        def call(self, y_true, y_pred):
            return losses.sparse_smoothed_cross_entropy(y_true, y_pred, smoothing=0.1)

    labels, logits, weights = np.array([0, 1, 1]), some(rng, 3, 2), np.array([0.0, 2.0, 1.0])
    found = Loss()(ops.convert_to_tensor(labels), ops.convert_to_tensor(logits), ops.convert_to_tensor(weights))
    wanted = (weights * surprise(labels, logits, 0.1)).sum() / 3
    close(found, wanted, case="a loss of Keras' with this function, samples of weights 0, 2 and 1", rtol=1e-4)


test_laws = LOSS.laws("the laws of every operation: calls, passes and memory do not get mixed up")


wrong(
    losses.sparse_smoothed_cross_entropy,
    {
        "the mean over the batch is taken here, so Keras has nothing left to weigh": (
            "-ops.sum(wanted * log_p, axis=1)",
            "-ops.mean(ops.sum(wanted * log_p, axis=1))",
        ),
        "smoothing is spread over the K - 1 other classes, where all K get it": (
            "(1 - smoothing) * ops.one_hot(labels, classes) + smoothing / classes",
            "(1 - smoothing) * (hot := ops.one_hot(labels, classes)) + smoothing / max(1, classes - 1) * (1 - hot)",
        ),
        "smoothing is taken from the label and given to none": (" + smoothing / classes", ""),
        "smoothing is given to all classes and taken from none": ("(1 - smoothing) * ops", "ops"),
        "rows of the identity are taken by labels, which may have come as floats": (
            "ops.one_hot(labels, classes)",
            "ops.eye(classes)[labels]",
        ),
        "the logarithm is taken of probabilities that may have been rounded to 0": (
            "logits - ops.logsumexp(logits, axis=1, keepdims=True)",
            "ops.log(ops.softmax(logits, axis=1))",
        ),
        "the sum of the exponentials runs over the whole batch": (
            "ops.logsumexp(logits, axis=1, keepdims=True)",
            "ops.logsumexp(logits)",
        ),
        "the logits themselves are changed, which others still need": (
            "log_p = logits - ops.logsumexp(logits, axis=1, keepdims=True)",
            "logits.data.sub_(ops.logsumexp(logits, axis=1, keepdims=True))\n    log_p = logits",
        ),
    },
)
