"""A loss function of our own for Keras: cross-entropy with smoothed labels, from whole numbers as labels.

C. Szegedy, V. Vanhoucke, S. Ioffe, J. Shlens, Z. Wojna, "Rethinking the Inception Architecture for Computer Vision",
2015, https://arxiv.org/abs/1512.00567, section 7. Keras' `SparseCategoricalCrossentropy` has no `label_smoothing`, its
`CategoricalCrossentropy` wants one-hot labels; the twin of `upslope.blocks.losses`.
"""

from typing import Any

from keras import ops


def sparse_smoothed_cross_entropy(labels: Any, logits: Any, *, smoothing: float = 0.0) -> Any:
    """The loss of each sample, (B,), of labels (B,) and logits (B, K): -sum_k q_k log p_k with p = softmax(logits).

    The wanted distribution q gives 1 - smoothing to the label and spreads smoothing evenly over all K classes, the
    label's own among them. As everywhere in Keras what is true comes first, and the mean over the batch is left to
    Keras, which weighs samples before it takes one. A loss object of Keras hands labels on as floats, 2.0 for 2, and
    they count all the same. Logits of +-1000 give no nan. For logits [[0, ln 3]], the label [1] and smoothing 0.2 it is
    [0.9 * ln(4/3) + 0.1 * ln 4] = [0.3975]. Works on every backend. Szegedy et al. 2015, section 7.
    """
    classes = logits.shape[1]
    # Logarithms of the probabilities, (B, K), by a sum of exponentials that cannot overflow.
    log_p = logits - ops.logsumexp(logits, axis=1, keepdims=True)
    # The wanted distribution: most at each label, and the rest spread over all classes.
    wanted = (1 - smoothing) * ops.one_hot(labels, classes) + smoothing / classes
    # One number for each sample.
    return -ops.sum(wanted * log_p, axis=1)
