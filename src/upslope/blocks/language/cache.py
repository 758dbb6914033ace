"""The key-value cache: keys and values of earlier tokens in a causal Transformer are kept, not computed again.

In a causal model nothing that comes later changes the keys and values of a token. So a model that continues a text
computes the new token alone; without the cache every token costs a forward pass over all of them.
"""

import torch
from torch import Tensor


class KeyValueCache:
    """What a model keeps of the tokens it has read: their ids (n-grams need them), keys and values of every block."""

    def __init__(self) -> None:
        self.tokens: Tensor | None = None  # (B, S)
        self.keys: dict[int, Tensor] = {}  # block -> (B, heads, S, head_dim), normed and rotated
        self.values: dict[int, Tensor] = {}
        self.state: tuple[Tensor, ...] | None = None  # of a recurrent model, which keeps nothing else: (layers, B, dim)

    @property
    def length(self) -> int:
        """The number of tokens read."""
        return 0 if self.tokens is None else self.tokens.shape[1]

    def read(self, tokens: Tensor) -> Tensor:
        """Take in new tokens; gives all of them so far."""
        self.tokens = tokens if self.tokens is None else torch.cat([self.tokens, tokens], dim=1)
        return self.tokens

    def extend(self, block: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Take in the keys and values of new tokens; gives those of all tokens so far."""
        if block in self.keys:
            k, v = torch.cat([self.keys[block], k], dim=2), torch.cat([self.values[block], v], dim=2)
        self.keys[block], self.values[block] = k, v
        return k, v

    def select(self, rows: Tensor) -> None:
        """Go on with these rows, each maybe several times: what a beam search keeps."""
        self.tokens = None if self.tokens is None else self.tokens[rows]
        for buffers in (self.keys, self.values):
            for block in buffers:
                buffers[block] = buffers[block][rows]
        self.state = None if self.state is None else tuple(each[:, rows] for each in self.state)


class StaticCache(KeyValueCache):
    """The same in buffers that are written in place: a new token copies its own keys and values, not those before it.

    For use without gradients. The buffers double when they are full, up to what `most` tokens need.
    """

    def __init__(self, *, most: int, first: int = 256) -> None:
        super().__init__()
        self.most, self.first = most, first

    def extend(self, block: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Take in the keys and values of new tokens; gives those of all tokens so far, as views."""
        end = self.length  # `read` has counted the new ones
        start = end - k.shape[2]
        if block not in self.keys or self.keys[block].shape[2] < end:
            room = min(max(2 * end, self.first), max(self.most, end))
            for buffers, new in ((self.keys, k), (self.values, v)):
                larger = new.new_empty(new.shape[0], new.shape[1], room, new.shape[3])
                if block in buffers:
                    larger[:, :, :start] = buffers[block][:, :, :start]
                buffers[block] = larger
        self.keys[block][:, :, start:end] = k
        self.values[block][:, :, start:end] = v
        return self.keys[block][:, :, :end], self.values[block][:, :, :end]

    def shorten(self, length: int) -> None:
        """Forget all tokens but the first `length`: a text that begins alike goes on from there."""
        if self.tokens is not None and length < self.length:
            self.tokens = self.tokens[:, :length] if length else None
