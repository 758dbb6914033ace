"""Two numbers of each row, as in PyTorch: what the label costs, and what all classes cost on average."""

from typing import Any

from keras import ops


def sparse_smoothed_cross_entropy(labels: Any, logits: Any, *, smoothing: float = 0.0) -> Any:
    top = ops.max(logits, axis=1, keepdims=True)
    shifted = logits - top
    costs = ops.log(ops.sum(ops.exp(shifted), axis=1, keepdims=True)) - shifted
    places = ops.expand_dims(ops.cast(labels, "int64"), 1)
    of_label = ops.squeeze(ops.take_along_axis(costs, places, axis=1), 1)
    return (1 - smoothing) * of_label + smoothing * ops.mean(costs, axis=1)
