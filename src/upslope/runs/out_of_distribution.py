"""Whether logits look like those that a classifier gave on the data it knows: the Mahalanobis distance.

K. Lee et al., "A Simple Unified Framework for Detecting Out-of-Distribution Samples and Adversarial Attacks", 2018,
https://arxiv.org/abs/1807.03888: each class has a mean, all share one covariance, and what is far from the mean of the
class that it is taken for is none of the classes. There of features, here of the logits, so that an exported file is
judged by what it gives and no more.

A softmax cannot say this: it is sure of one class wherever one logit is larger than the others, however odd all are.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

WARNED = 0.02  # of the validation data: what is further out than these is doubted
MOST_CLASSES = 100  # beyond these the covariance takes more room than it is worth
FEWEST = 5  # rightly classified samples of each class
RIDGE = 1e-6  # of the mean variance: logits that always add up to the same have a direction without any

Logits = NDArray[np.floating]  # (N, K)


def fit(logits: Logits, labels: NDArray[np.int64]) -> dict[str, Any] | None:
    """What is typical of logits (N, K), in JSON's words; None where there are too few samples to say.

    The threshold leaves `WARNED` of the samples outside. It is found on each half of them with the means and the
    covariance of the other half, since samples lie nearer to a mean that they had a part in.
    """
    right = logits.argmax(axis=1) == labels
    classes = logits.shape[1]
    # Drawn, not taken in turn: MNIST has the digits of two sources in turn, and they differ.
    drawn = np.random.default_rng(0).permutation(len(logits)) % 2
    halves = [drawn == side for side in (0, 1)]
    if classes > MOST_CLASSES or any(
        np.bincount(labels[right & half], minlength=classes).min() < FEWEST for half in halves
    ):
        return None
    held_out = [
        distances(logits[~half], _moments(logits[right & half], labels[right & half], classes)) for half in halves
    ]
    return {
        **_moments(logits[right], labels[right], classes),
        "threshold": _rounded(np.quantile(np.concatenate(held_out), 1 - WARNED)),
    }


def distances(logits: Logits, typical: dict[str, Any]) -> NDArray[np.float64]:
    """How far logits (N, K) are from the mean of their most probable class, in standard deviations."""
    away = logits - np.asarray(typical["means"])[logits.argmax(axis=1)]
    return np.asarray(np.linalg.norm(away @ np.asarray(typical["whitening"]), axis=1), dtype=np.float64)


def unlike(logits: Logits, typical: dict[str, Any] | None) -> NDArray[np.bool_]:
    """Which of some logits (N, K) are further out than nearly all of the data that the network knows."""
    if typical is None:
        return np.zeros(len(logits), dtype=np.bool_)
    return distances(logits, typical) > float(typical["threshold"])


def _moments(logits: Logits, labels: NDArray[np.int64], classes: int) -> dict[str, Any]:
    """The mean of each class (K, K), and what makes the covariance of all around them the identity (K, K)."""
    means = np.stack([logits[labels == label].mean(axis=0, dtype=np.float64) for label in range(classes)])
    around = logits - means[labels]
    covariance = around.T @ around / len(around)
    covariance += (RIDGE * float(np.trace(covariance)) / classes + 1e-12) * np.eye(classes)
    return {"means": _rounded(means), "whitening": _rounded(np.linalg.cholesky(np.linalg.inv(covariance)))}


def _rounded(values: Any) -> Any:
    """Seven digits: more than float32 has, and half as long a file."""
    if isinstance(values, np.ndarray) and values.ndim:
        return [_rounded(value) for value in values]
    return float(f"{values:.7g}")
