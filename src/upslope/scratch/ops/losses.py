"""Losses: one number that says how wrong the outputs are, and the gradient that says which way is better."""

from typing import Any

import numpy as np

from upslope.scratch.tensor import Tensor, operands


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
    labels = np.asarray(target)
    if labels.shape != (batch,) or not ((labels >= 0) & (labels < classes)).all():
        raise ValueError(f"cross_entropy: logits {logits.shape} need {batch} labels from 0 to {classes - 1}")
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
    off = x.data - target.data
    scale = 2 / off.size
    return Tensor.of(np.square(off).mean(), (x, lambda g: g * scale * off), (target, lambda g: -g * scale * off))


def binary_cross_entropy_with_logits(logits: Tensor, target: Any) -> Tensor:
    """Mean of -t log s - (1 - t) log(1 - s) with s = sigmoid(logits), computed as max(x, 0) - x t + log(1 + e^-|x|).

    The gradient is g (s - t) / n. target holds probabilities and gets no gradient.
    """
    logits, target = operands(logits, target, "binary_cross_entropy_with_logits")
    x, t = logits.data, target.data
    e = np.exp(-np.abs(x))
    loss = (np.maximum(x, 0) - x * t + np.log1p(e)).mean()
    s = np.exp(np.minimum(x, 0)) / (1 + e)
    return logits.then(loss, lambda g: g * (s - t) / x.size)


def nll_loss(log_probabilities: Tensor, target: Any) -> Tensor:
    """The mean of -log_probabilities[row, target[row]]: what is left of cross_entropy after log_softmax."""
    labels = np.asarray(target)
    rows = np.arange(len(labels))
    like = log_probabilities.data

    def scatter(g: np.ndarray) -> np.ndarray:
        gradient = np.zeros_like(like)
        gradient[rows, labels] = -g / len(labels)
        return gradient

    return log_probabilities.then(-like[rows, labels].mean(), scatter)
