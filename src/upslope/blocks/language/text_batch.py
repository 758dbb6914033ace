"""Texts that are written together: what may come next in each of them, by a network or by counts.

What decides how a text goes on (sampling, a beam search, a search that keeps rules) sees probabilities alone. It reads
tokens into the texts, gives some up, and goes on from others several times.
"""

from typing import Protocol

import numpy as np
import torch
from jaxtyping import Float64, Int64
from numpy import ndarray
from torch import Tensor, nn

from upslope.blocks.language.cache import KeyValueCache
from upslope.blocks.language.kneser_ney import KneserNey


class TextBatch(Protocol):
    """B texts of one length."""

    def following(self) -> Float64[ndarray, "B V"]:
        """The probability of every token after each text."""

    def read(self, tokens: Int64[ndarray, "B"]) -> None:
        """One more token of each text."""

    def select(self, rows: Int64[ndarray, "N"]) -> None:
        """Go on with these texts, each maybe several times."""


class NetworkTexts:
    """Texts that a causal network reads, with its cache; `rows` of them, all beginning as `prompt`."""

    def __init__(self, model: nn.Module, prompt: Int64[ndarray, "T"], *, rows: int = 1) -> None:
        self.model, self.cache = model, KeyValueCache()
        self.logits = self._last(torch.from_numpy(np.asarray(prompt, dtype=np.int64))[None])
        self.select(np.zeros(rows, dtype=np.int64))

    def following(self) -> Float64[ndarray, "B V"]:
        """Softmax of the logits."""
        found: ndarray = self.logits.double().softmax(dim=-1).numpy()
        return found

    def read(self, tokens: Int64[ndarray, "B"]) -> None:
        """One step of the network."""
        self.logits = self._last(torch.from_numpy(tokens)[:, None])

    def select(self, rows: Int64[ndarray, "N"]) -> None:
        """Rows of the cache."""
        self.logits = self.logits[rows]
        self.cache.select(torch.from_numpy(rows))

    @torch.no_grad()
    def _last(self, tokens: Tensor) -> Tensor:
        return self.model(tokens, self.cache)[:, -1]


class CountedTexts:
    """Texts as Kneser-Ney sees them."""

    def __init__(self, counts: KneserNey, prompt: Int64[ndarray, "T"], *, rows: int = 1) -> None:
        self.counts, self.tokens = counts, np.tile(np.asarray(prompt, dtype=np.int64), (rows, 1))

    def following(self) -> Float64[ndarray, "B V"]:
        """By the last order - 1 tokens."""
        return self.counts.following(self.tokens[:, -(self.counts.order - 1) :])

    def read(self, tokens: Int64[ndarray, "B"]) -> None:
        """They are kept."""
        self.tokens = np.concatenate([self.tokens, tokens[:, None]], axis=1)

    def select(self, rows: Int64[ndarray, "N"]) -> None:
        """Rows of the texts."""
        self.tokens = self.tokens[rows]


def sampled(
    probabilities: Float64[ndarray, "B V"], *, temperature: float, rng: np.random.Generator
) -> Int64[ndarray, "B"]:
    """A token for each row, drawn with probabilities p ** (1 / temperature), brought to sum 1."""
    weights = (probabilities / probabilities.max(axis=1, keepdims=True)) ** (1 / temperature)
    ends = weights.cumsum(axis=1)
    place = rng.random((len(weights), 1)) * ends[:, -1:]
    drawn: ndarray = np.minimum((ends <= place).sum(axis=1), weights.shape[1] - 1)
    return drawn


def sample_until(
    texts: TextBatch, *, end: int, most: int, temperature: float, rng: np.random.Generator
) -> list[list[int]]:
    """What follows each text up to the token `end`, which is left out, or at most so many tokens."""
    written: list[list[int]] = [[] for _ in texts.following()]
    open_ = np.arange(len(written))
    for _ in range(most):
        tokens = sampled(texts.following(), temperature=temperature, rng=rng)
        going = np.flatnonzero(tokens != end)
        open_, tokens = open_[going], tokens[going]
        if not len(open_):
            break
        for row, token in zip(open_, tokens, strict=True):
            written[row].append(int(token))
        texts.select(going)
        texts.read(tokens)
    return written
