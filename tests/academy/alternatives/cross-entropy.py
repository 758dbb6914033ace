"""Row by row: logsumexp minus the right score, with the smoothed part as a mean of all scores."""

from typing import Any

import numpy as np

from upslope.scratch.tensor import Tensor


def cross_entropy(logits: Tensor, target: Any, *, label_smoothing: float = 0.0) -> Tensor:
    z = logits.data
    labels = [int(label) for label in np.asarray(target)]
    if len(labels) != len(z) or not all(0 <= label < z.shape[1] for label in labels):
        raise ValueError(f"labels {labels} for logits of shape {z.shape}")
    total = 0.0
    slopes = np.zeros(z.shape)
    for i, label in enumerate(labels):
        row = z[i] - z[i].max()
        powers = np.exp(row)
        log_sum = np.log(powers.sum())
        total += (1 - label_smoothing) * (log_sum - row[label]) + label_smoothing * (log_sum - row.mean())
        slopes[i] = powers / powers.sum() - label_smoothing / len(row)
        slopes[i, label] -= 1 - label_smoothing
    return logits.then(np.asarray(total / len(z), dtype=z.dtype), lambda g: g * slopes / len(z))
