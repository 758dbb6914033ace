"""Labels that look wrong, found by confident learning.

C. Northcutt, L. Jiang, I. Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels", 2021,
https://arxiv.org/abs/1911.00068. What is confident differs between classes: a class's threshold is the mean probability
that it gets on the samples that carry its label (equation 2). A sample counts as another class's where that class
passes its own threshold and is the most probable of those that do (equation 1). These counts are the confident joint.

The probabilities must be of samples that the network never learned from: what it learned, it may have learned by heart.
Left out: the noise matrix made of the joint, pruning, training again on what is left.
"""

import numpy as np
from numpy.typing import NDArray

Probabilities = NDArray[np.floating]  # (N, K)
Labels = NDArray[np.int64]  # (N,)


def thresholds(probabilities: Probabilities, labels: Labels) -> NDArray[np.float64]:
    """By class (K,): its mean probability on samples with its label; infinite for a class that no sample carries."""
    classes = probabilities.shape[1]
    counts = np.bincount(labels, minlength=classes)
    sums = np.bincount(labels, weights=probabilities[np.arange(len(labels)), labels], minlength=classes)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.inf)


def confident_class(probabilities: Probabilities, labels: Labels) -> Labels:
    """By sample (N,): the most probable class among those above their thresholds; -1 where none is."""
    passing = np.where(probabilities >= thresholds(probabilities, labels), probabilities, -1.0)
    return np.where(passing.max(axis=1) >= 0, passing.argmax(axis=1), -1)


def confident_joint(probabilities: Probabilities, labels: Labels) -> NDArray[np.int64]:
    """How many samples with each label (row) count as each class (column), (K, K)."""
    classes = probabilities.shape[1]
    counted = confident_class(probabilities, labels)
    joint = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(joint, (labels[counted >= 0], counted[counted >= 0]), 1)
    return joint


def doubtful(probabilities: Probabilities, labels: Labels, *, most: int = 24) -> NDArray[np.int64]:
    """The rows that count as another class than their label says, the widest margin between the two first."""
    counted = confident_class(probabilities, labels)
    rows = np.flatnonzero((counted >= 0) & (counted != labels))
    margin = probabilities[rows, counted[rows]] - probabilities[rows, labels[rows]]
    return np.asarray(rows[np.argsort(-margin, kind="stable")][:most], dtype=np.int64)
