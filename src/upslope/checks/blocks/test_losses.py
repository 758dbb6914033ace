"""What smoothed_cross_entropy must do."""

import math
from functools import partial

import numpy as np
import torch
from torch.nn import functional as F

from upslope.blocks import losses
from upslope.checks import grades, survives, wrong
from upslope.checks.blocks.tensors import gradients, laid, leaf, tensor
from upslope.checks.expect import close, raises, tensor_of
from upslope.checks.laws import Call, keeps_laws
from upslope.checks.samples import some, spelled

# Batch, classes.
SIZES = ((1, 2), (2, 3), (3, 2), (4, 4), (1, 1))


def surprise(logits, labels, smoothing):
    """The mean over rows of -sum_k q_k log p_k by Python's math, row by row."""
    costs = []
    for row, label in zip(logits.tolist(), labels, strict=True):
        top = max(row)
        log_sum = top + math.log(math.fsum(math.exp(z - top) for z in row))
        wanted = [(1 - smoothing) * (k == label) + smoothing / len(row) for k in range(len(row))]
        costs.append(math.fsum(q * (log_sum - z) for q, z in zip(wanted, row, strict=True)))
    return math.fsum(costs) / len(costs)


def drawn(rng, batch, classes):
    """Logits and one label for each row; as many different labels as there can be."""
    return some(rng, batch, classes, spread=2), rng.permutation(np.arange(batch) % classes)


def cost(logits, labels, **settings):
    """The answer, from arrays."""
    return losses.smoothed_cross_entropy(tensor(logits), torch.tensor(labels), **settings)


@grades(losses.smoothed_cross_entropy)
def test_shape_and_dtype(rng):
    """a scalar of the logits' dtype"""
    for dtype in ("float32", "float64"):
        z, y = drawn(rng, 2, 3)
        for smoothing in (0.0, 0.1):
            out = losses.smoothed_cross_entropy(tensor(z, getattr(torch, dtype)), torch.tensor(y), smoothing=smoothing)
            tensor_of(out, (), dtype=dtype, case=f"{dtype} logits of shape (2, 3), smoothing={smoothing:g}")


@grades(losses.smoothed_cross_entropy)
def test_by_hand(rng):
    """logits [0, ln 3], label 1 and smoothing 0.2 cost 0.3975"""
    expected = 0.9 * math.log(4 / 3) + 0.1 * math.log(4)
    got = cost([[0.0, math.log(3)]], [1], smoothing=0.2)
    close(got, expected, case="logits [[0, ln 3]], labels [1], smoothing=0.2")


@grades(losses.smoothed_cross_entropy)
def test_without_smoothing(rng):
    """without smoothing it is the plain cross-entropy"""
    close(cost([[0.0, math.log(3)]], [0]), math.log(4), case="logits [[0, ln 3]], labels [0]")
    for batch, classes in SIZES:
        z, y = drawn(rng, batch, classes)
        close(cost(z, y), surprise(z, y, 0.0), case=f"logits {spelled(z)}, labels {spelled(y)}")


@grades(losses.smoothed_cross_entropy)
def test_random(rng):
    """random logits: each row's own wanted distribution, and the mean over the rows"""
    for batch, classes in (*SIZES, (32, 10)):
        z, y = drawn(rng, batch, classes)
        smoothing = float(np.round(rng.uniform(0.05, 0.5), 2))
        case = f"logits {spelled(z)}, labels {spelled(y)}, smoothing={smoothing:g}"
        got = cost(z, y, smoothing=smoothing)
        close(got, surprise(z, y, smoothing), case=case)
        close(got, F.cross_entropy(tensor(z), torch.tensor(y), label_smoothing=smoothing), case=case)


@grades(losses.smoothed_cross_entropy)
def test_gradient(rng):
    """the gradient agrees with finite differences"""
    for batch, classes in SIZES:
        z, y = drawn(rng, batch, classes)
        f = partial(losses.smoothed_cross_entropy, labels=torch.tensor(y), smoothing=0.3)
        gradients(f, {"logits": z}, rng=rng, case=f"logits {spelled(z)}, labels {spelled(y)}, smoothing=0.3")


@grades(losses.smoothed_cross_entropy)
def test_large(rng):
    """stable for large logits: loss and gradient stay finite"""
    for row, label, slope in (([-1000.0, 0.0], 1, [-0.1, 0.1]), ([1000.0, 0.0], 1, [0.9, -0.9])):
        z = leaf([row])
        out = losses.smoothed_cross_entropy(z, torch.tensor([label]), smoothing=0.2)
        case = f"logits [{spelled(row)}], labels [{label}], smoothing=0.2"
        close(out, surprise(np.array([row]), [label], 0.2), case=case)
        out.backward()
        close(z.grad, [slope], case=f"{case}: gradient of logits")


@grades(losses.smoothed_cross_entropy)
def test_refuses(rng):
    """a smoothing outside of [0, 1) raises a ValueError that says it"""
    for smoothing in (1.0, 1.5, -0.1):
        call = partial(cost, [[0.0, 1.0]], [1], smoothing=smoothing)
        raises(ValueError, call, case=f"smoothing={smoothing:g}", says=[f"smoothing={smoothing:g}", "[0, 1)"])


@grades(losses.smoothed_cross_entropy)
def test_laws(rng):
    """the laws of every operation: calls, passes and memory do not get mixed up"""
    calls = []
    for batch, classes in ((2, 3), (4, 2)):
        labels = torch.from_numpy(rng.integers(classes, size=batch))
        f = partial(losses.smoothed_cross_entropy, labels=labels, smoothing=0.1)
        calls.append(Call(f, [some(rng, batch, classes)]))
    keeps_laws(*calls, tensor=laid)


wrong(
    losses.smoothed_cross_entropy,
    {
        "smoothing is spread over the K - 1 other classes, where all K get it": (
            "evenly = log_p.mean(dim=1)",
            "evenly = (log_p.sum(dim=1) - of_label) / max(1, log_p.shape[1] - 1)",
        ),
        "every class gets the whole of smoothing, not a K-th of it": ("log_p.mean(dim=1)", "log_p.sum(dim=1)"),
        "smoothing is taken from the label and given to none": (
            "(1 - smoothing) * of_label + smoothing * evenly",
            "(1 - smoothing) * of_label",
        ),
        "smoothing is not looked at": ("(1 - smoothing) * of_label + smoothing * evenly", "of_label"),
        "smoothing is given to all and taken from none: the label keeps its whole 1": (
            "(1 - smoothing) * of_label",
            "of_label",
        ),
        "the label gets smoothing, and the rest is spread": (
            "(1 - smoothing) * of_label + smoothing * evenly",
            "smoothing * of_label + (1 - smoothing) * evenly",
        ),
        "the losses are summed over the batch, not averaged": ("evenly).mean()", "evenly).sum()"),
        "one loss for each sample comes back, not their mean": ("evenly).mean()", "evenly)"),
        "the sign is missing: this is the mean log-probability": ("return -((1", "return ((1"),
        "the logarithm is taken of probabilities that may have been rounded to 0": (
            "logits - logits.logsumexp(dim=1, keepdim=True)",
            "logits.softmax(dim=1).log()",
        ),
        "exp of the logits themselves, which overflows where they are large": (
            "logits - logits.logsumexp(dim=1, keepdim=True)",
            "logits - logits.exp().sum(dim=1, keepdim=True).log()",
        ),
        "the probabilities sum to 1 over the batch, not over the classes": (
            "logits.logsumexp(dim=1, keepdim=True)",
            "logits.logsumexp(dim=0, keepdim=True)",
        ),
        "log_p[:, labels] picks the label's column in every row, not the label of each row": (
            "log_p.gather(1, labels[:, None]).squeeze(1)",
            "log_p[:, labels].mean(dim=1)",
        ),
        "the label's share is the raw logit, without the softmax around it": (
            "of_label = log_p.gather",
            "of_label = logits.gather",
        ),
        "a smoothing of 1 is accepted, with which no label counts": ("0 <= smoothing < 1", "0 <= smoothing <= 1"),
        "the result is always float32": ("log_p = logits - ", "log_p = logits.float() - "),
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
