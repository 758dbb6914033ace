"""Losses: one number that says how wrong the outputs are, and the gradient that says which way is better."""

import warnings
from typing import Any

import numpy as np

from upslope.scratch.ops.embeddings import not_integers
from upslope.scratch.tape import Array
from upslope.scratch.tensor import Tensor, operands


def misfit(labels: Array, shape: tuple[int, ...]) -> str:
    """Words for what is wrong with labels for scores of this shape."""
    if labels.dtype.kind not in "iu":
        return f"labels that are no integers but {not_integers(labels)}"
    if labels.shape != shape[:1]:
        return f"labels of shape {labels.shape}"
    return f"the label {labels[(labels < 0) | (labels >= shape[1])][0]}"


def cross_entropy(logits: Tensor, target: Any, *, label_smoothing: float = 0.0) -> Tensor:
    """How surprised the model is by the right class: -log softmax(logits)[target], the mean over the batch.

    logits is (B, C), target holds B integers from 0 to C - 1 (a tensor, an array or a list); the result is a scalar of
    the logits' dtype. Logits of +-1000 give no nan and no inf. Labels that do not fit raise a ValueError.
    With p = softmax(logits) along a row and q the wanted probabilities, the loss of a row is -sum_j q_j log p_j.
    Without label smoothing q is 1 at the target and 0 elsewhere; with label_smoothing = s it is s / C everywhere, and
    1 - s more at the target (Szegedy et al. 2015, https://arxiv.org/abs/1512.00567).
    Backward: logits.grad += g * (p - q) / B.
    cross_entropy([[0, ln 3]], [1]) is ln(4/3) = 0.2877, and its gradient is [[0.25, -0.25]].
    """
    batch, classes = logits.shape
    # A copy: backward needs the labels of now, whatever their owner writes into the array until then.
    labels = np.array(target)
    fits = labels.dtype.kind in "iu" and labels.shape == (batch,) and ((labels >= 0) & (labels < classes)).all()
    if not fits:
        wrong = misfit(labels, logits.shape)
        raise ValueError(
            f"cross_entropy: logits {logits.shape} need {batch} labels from 0 to {classes - 1}, got {wrong}"
        )
    rows = np.arange(batch)
    # Log-probabilities: shift so that the largest score is 0, then take away the log of the sum of exponentials.
    shifted = logits.data - logits.data.max(axis=1, keepdims=True)
    e = np.exp(shifted)
    total = e.sum(axis=1, keepdims=True)
    log_p = shifted - np.log(total)
    # The surprise at the right classes, the mean over the batch.
    loss = -log_p[rows, labels].sum() / batch
    # Smoothing asks for a little of every class: the mean surprise at all of them.
    if label_smoothing:
        loss = (1 - label_smoothing) * loss - label_smoothing * log_p.mean()

    def gradient_of_logits(g: np.ndarray) -> np.ndarray:
        # Softmax and logarithm together have a simple slope: what was predicted minus what was wanted.
        gradient: np.ndarray = e / total - label_smoothing / classes
        gradient[rows, labels] -= 1 - label_smoothing
        gradient *= g / batch
        return gradient

    return logits.then(loss, gradient_of_logits)


def mse_loss(x: Tensor, target: Any) -> Tensor:
    """The mean of the squared differences. x's gradient is 2 g (x - target) / n, target's the opposite."""
    x, target = operands(x, target, "mse_loss")
    if x.shape != target.shape and target.ndim and x.ndim:
        warnings.warn(
            f"mse_loss: shapes {x.shape} and {target.shape} broadcast, so that every number meets numbers of others; "
            "give both one shape",
            stacklevel=2,
        )
    off = x.data - target.data
    scale = 2 / max(off.size, 1)
    return Tensor.of(average(np.square(off)), (x, lambda g: g * scale * off), (target, lambda g: -g * scale * off))


def average(numbers: Array) -> Array:
    """The mean, nan over nothing."""
    return numbers.sum() / numbers.dtype.type(numbers.size) if numbers.size else np.asarray(np.nan, numbers.dtype)


def binary_cross_entropy_with_logits(logits: Tensor, target: Any) -> Tensor:
    """Mean of -t log s - (1 - t) log(1 - s) with s = sigmoid(logits), computed as max(x, 0) - x t + log(1 + e^-|x|).

    The gradient of the logits is g (s - t) / n, that of the target, which holds probabilities, -g x / n.
    """
    name = "binary_cross_entropy_with_logits"
    logits, target = operands(logits, target, name)
    if logits.shape != target.shape:
        raise ValueError(f"{name}: logits and target have one shape, got {logits.shape} and {target.shape}")
    x, t = logits.data, target.data
    e = np.exp(-np.abs(x))
    loss = average(np.maximum(x, 0) - x * t + np.log1p(e))
    s = np.exp(np.minimum(x, 0)) / (1 + e)
    return Tensor.of(loss, (logits, lambda g: g * (s - t) / x.size), (target, lambda g: -g * x / x.size))


def nll_loss(log_probabilities: Tensor, target: Any) -> Tensor:
    """The mean of -log_probabilities[row, target[row]]: what is left of cross_entropy after log_softmax."""
    shape = log_probabilities.shape
    labels = np.array(target)
    labels = labels if labels.size else labels.astype(np.int64)
    if len(shape) != 2:
        raise ValueError(f"nll_loss: log-probabilities are (B, C), got shape {shape}")
    batch, classes = shape
    fits = labels.dtype.kind in "iu" and labels.shape == (batch,) and ((labels >= 0) & (labels < classes)).all()
    if not fits:
        wrong = misfit(labels, shape)
        raise ValueError(
            f"nll_loss: log-probabilities {shape} need {batch} labels from 0 to {classes - 1}, got {wrong}"
        )
    rows = np.arange(batch)
    like = log_probabilities.data

    def scatter(g: np.ndarray) -> np.ndarray:
        gradient = np.zeros_like(like)
        gradient[rows, labels] = -g / max(batch, 1)
        return gradient

    return log_probabilities.then(-average(like[rows, labels]), scatter)
