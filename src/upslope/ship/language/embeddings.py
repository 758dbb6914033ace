"""Sentence embeddings: a text as a unit vector, so that the dot product of two says how alike their meanings are.

N. Reimers, I. Gurevych, "Sentence-BERT: Sentence Embeddings using Siamese BERT-Networks", 2019,
https://arxiv.org/abs/1908.10084. The model is MiniLM (W. Wang et al., 2020, https://arxiv.org/abs/2002.10957), trained
on pairs of sentences: the mean of its states over all tokens, brought to length 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from upslope.cards import ModelCard
from upslope.models import pretrained
from upslope.models.build import find
from upslope.runs.errors import RunProblem
from upslope.text.token import whole_characters
from upslope.text.wordpiece import WordPiece

DEFAULT = "minilm"
LONGEST = 256  # tokens that all-MiniLM-L6-v2 was trained on; of longer texts the beginning counts
TOGETHER = 32  # texts in memory at once

Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class Embedder:
    """A model of sentences and its tokenizer."""

    name: str
    module: nn.Module
    tokenizer: WordPiece
    longest: int = LONGEST

    def __call__(self, texts: Sequence[str]) -> Vectors:
        """A unit vector for each text: (N, dim)."""
        ids = [self.tokens_of(text) for text in texts]
        # Texts of one length go together, so that few tokens only fill up.
        order = sorted(range(len(ids)), key=lambda place: len(ids[place]))
        found: dict[int, Tensor] = {}
        for first in range(0, len(order), TOGETHER):
            places = order[first : first + TOGETHER]
            found.update(zip(places, self._embedded([ids[place] for place in places]), strict=True))
        vectors = [found[place].numpy() for place in range(len(ids))]
        dim = int(self.module.pooler.out_features) if isinstance(self.module.pooler, nn.Linear) else 0
        return np.stack(vectors) if vectors else np.zeros((0, dim), dtype=np.float32)

    def tokens_of(self, text: str) -> list[int]:
        """A text as the model reads it, between [CLS] and [SEP]."""
        ids, _ = self.tokenizer.framed(whole_characters(text), longest=self.longest)
        return [int(number) for number in ids]

    @torch.inference_mode()
    def _embedded(self, ids: list[list[int]]) -> Tensor:
        length = max(map(len, ids))
        tokens = torch.tensor([row + [self.tokenizer.special["[PAD]"]] * (length - len(row)) for row in ids])
        mask = torch.arange(length) < torch.tensor([len(row) for row in ids])[:, None]
        states = self.module(tokens, mask).states
        weights = mask[:, :, None].to(states.dtype)
        mean: Tensor = (states * weights).sum(dim=1) / weights.sum(dim=1)
        return nn.functional.normalize(mean, dim=-1)


def load(name: str = DEFAULT, *, quiet: bool = False) -> Embedder:
    """The embedder of a published model of BERT's kind. DataProblem or RunProblem say what is missing."""
    found, size = find(name)
    weights = cast(ModelCard, found.card).sizes[size].weights
    if not any(each.vocabulary for each in weights):
        raise RunProblem(f"{name} does not embed sentences: {DEFAULT} does")
    module = pretrained.load(name, quiet=quiet)
    return Embedder(name, module, pretrained.tokenizer(name, quiet=quiet).wordpiece())


def nearest(queries: Vectors, texts: Vectors, *, count: int = 1) -> NDArray[np.int64]:
    """Which of the texts are most like each query, the likest first: (N, count)."""
    order: NDArray[np.int64] = np.argsort(-(queries @ texts.T), axis=1, kind="stable")
    return order[:, :count]
