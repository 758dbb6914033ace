"""Logits to probabilities in NumPy, for networks that run without PyTorch as well."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def softmax(logits: NDArray[Any], *, temperature: float = 1.0) -> NDArray[Any]:
    """The softmax over the second dimension, (N, K, ...), of the logits over a temperature, in their dtype."""
    # Less the largest one: exp of a large number would be infinite.
    powers = np.exp((logits - logits.max(axis=1, keepdims=True)) / temperature)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
