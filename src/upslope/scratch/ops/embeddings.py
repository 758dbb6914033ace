"""Tables looked up by number: embeddings and one-hot codes."""

from typing import Any

import numpy as np

from upslope.scratch.tensor import Tensor


def embedding(ids: Any, weight: Tensor) -> Tensor:
    """The row of `weight` for each id: ids (...) of integers, weight (N, D), result (..., D).

    The gradient of a row is the sum of the gradients of all places that looked it up.
    """
    places = np.asarray(ids)
    if places.dtype.kind not in "iu":
        raise TypeError(f"embedding: ids are integers, got {places.dtype}")
    n, dim = weight.shape
    if places.size and (places.min() < 0 or places.max() >= n):
        raise IndexError(f"embedding: ids go from 0 to {n - 1}, got one of {places.min()} to {places.max()}")

    def gradient_of_weight(g: np.ndarray) -> np.ndarray:
        gradient = np.zeros((n, dim), g.dtype)
        if places.size:
            # Sorted by id, the places that looked up one row stand together and are summed in one go.
            order = np.argsort(places, axis=None, kind="stable")
            found, starts = np.unique(places.ravel()[order], return_index=True)
            gradient[found] = np.add.reduceat(g.reshape(-1, dim)[order], starts, axis=0)
        return gradient

    return weight.then(weight.data[places], gradient_of_weight)


def one_hot(ids: Any, num_classes: int) -> Tensor:
    """A row of zeros with a 1 at the id: ids (...) of integers, result (..., num_classes) of integers."""
    places = np.asarray(ids)
    return Tensor((places[..., np.newaxis] == np.arange(num_classes)).astype(np.int64))
