"""Embedding: a learned vector for every id."""

from typing import Any

import numpy as np

from upslope.scratch import ops
from upslope.scratch.nn.module import Module, Parameter
from upslope.scratch.tensor import Tensor


class Embedding(Module):
    """A table of `num_embeddings` rows of `embedding_dim` numbers, standard normal at first, looked up by id."""

    def __init__(self, num_embeddings: int, embedding_dim: int, *, rng: np.random.Generator | None = None) -> None:
        rng = rng or np.random.default_rng()
        self.weight = Parameter(rng.standard_normal((num_embeddings, embedding_dim)).astype(np.float32))

    def forward(self, ids: Any) -> Tensor:
        return ops.embedding(ids, self.weight)
