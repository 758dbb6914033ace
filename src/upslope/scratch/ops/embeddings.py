"""Tables looked up by number: embeddings and one-hot codes."""

from typing import Any

import numpy as np

from upslope.scratch.tape import Array
from upslope.scratch.tensor import Tensor


def integers(values: Any, name: str) -> Array:
    """Ids, labels or places as an array of integers: a copy, since backward must find the numbers of now."""
    numbers = np.array(values.data if isinstance(values, Tensor) else values)
    if not numbers.size and isinstance(values, list | tuple):
        numbers = numbers.astype(np.int64)
    if numbers.dtype.kind not in "iu":
        raise TypeError(f"{name} are integers, got {not_integers(numbers)}")
    return numbers


def not_integers(array: Array) -> str:
    """Words for a dtype that came where integers were wanted."""
    hint = ' (Tensor([0, 2]) holds float32: write Tensor([0, 2], dtype="int64"))' if array.dtype.kind == "f" else ""
    return f"{array.dtype}{hint}"


def embedding(ids: Any, weight: Tensor) -> Tensor:
    """The row of `weight` for each id: ids (...) of integers, weight (N, D), result (..., D).

    The gradient of a row is the sum of the gradients of all places that looked it up.
    """
    places = integers(ids, "embedding: ids")
    n, dim = weight.shape
    if places.size and (places.min() < 0 or places.max() >= n):
        raise IndexError(f"embedding: ids go from 0 to {n - 1}, got one of {places.min()} to {places.max()}")

    def gradient_of_weight(g: np.ndarray) -> np.ndarray:
        gradient = np.zeros((n, dim), g.dtype)
        if places.size:
            # Sorted by id, the places that looked up one row stand together and are summed in one go.
            order = np.argsort(places, axis=None, kind="stable")
            found, starts = np.unique(places.ravel()[order], return_index=True)
            gradient[found] = np.add.reduceat(g.reshape(places.size, dim)[order], starts, axis=0)
        return gradient

    return weight.then(weight.data[places], gradient_of_weight)


def one_hot(ids: Any, num_classes: int) -> Tensor:
    """A row of zeros with a 1 at the id: ids (...) of integers, result (..., num_classes) of integers."""
    places = integers(ids, "one_hot: ids")
    wrong = places[(places < 0) | (places >= num_classes)]
    if wrong.size:
        raise ValueError(f"one_hot: ids go from 0 to {num_classes - 1} with num_classes={num_classes}, got {wrong[0]}")
    return Tensor((places[..., np.newaxis] == np.arange(num_classes)).astype(np.int64))
