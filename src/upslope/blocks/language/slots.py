"""Slots: the caches of texts of different lengths side by side, so that one forward pass gives each its next token.

G. Yu et al., "Orca: A Distributed Serving System for Transformer-Based Generative Models", 2022,
https://www.usenix.org/conference/osdi22/presentation/yu: texts join and leave between two tokens, not between two
batches. Left out: PagedAttention (W. Kwon et al., 2023, https://arxiv.org/abs/2309.06180), which shares out memory in
small blocks; here each row has as much as the longest one.

Texts stand at the left, each at its own positions, and nobody looks behind the end of a text: nothing is padded, and
what a row holds does not change when another one comes or goes.
"""

import torch
from torch import Tensor

from upslope.blocks.language.cache import KeyValueCache


class SlotCache(KeyValueCache):
    """A cache whose rows have lengths of their own. It reads one token more for every row at once."""

    def __init__(self, *, slots: int, first: int = 256) -> None:
        super().__init__()
        self.slots, self.room = slots, first
        self.lengths = torch.zeros(0, dtype=torch.int64)  # tokens that each row has read
        self.text = torch.zeros(slots, first, dtype=torch.int64)

    @property
    def rows(self) -> int:
        """How many texts there are."""
        return len(self.lengths)

    @property
    def length(self) -> int:
        """The tokens of the longest row."""
        return int(self.lengths.max()) if self.rows else 0

    def add(self, cache: KeyValueCache) -> int:
        """Copy what another cache holds of one text into a row of its own; gives the row."""
        assert cache.tokens is not None
        assert self.rows < self.slots
        row, length = self.rows, cache.length
        self._grow(length + 1)
        self.text[row, :length] = cache.tokens[0]
        for mine, theirs in ((self.keys, cache.keys), (self.values, cache.values)):
            for block, held in theirs.items():
                if block not in mine:
                    mine[block] = held.new_zeros(self.slots, held.shape[1], self.room, held.shape[3])
                mine[block][row, :, :length] = held[0, :, :length]
        self.lengths = torch.cat([self.lengths, torch.tensor([length])])
        return row

    def remove(self, row: int) -> int:
        """Give up a row; the last one takes its place. Gives the number that the last one had."""
        last = self.rows - 1
        if row != last:
            length = int(self.lengths[last])
            self.text[row, :length] = self.text[last, :length]
            for buffers in (self.keys, self.values):
                for held in buffers.values():
                    held[row, :, :length] = held[last, :, :length]
            self.lengths[row] = length
        for held in self.values.values():  # numbers that are none would reach even those who do not look at them
            held[last].zero_()
        self.lengths = self.lengths[:last]
        return last

    def read(self, tokens: Tensor) -> Tensor:
        """Take in a new token for each row, (rows, 1); gives them."""
        if tokens.shape != (self.rows, 1):
            raise ValueError(f"tokens of shape {tuple(tokens.shape)} for {self.rows} texts, each of which takes one")
        self._grow(self.length + 1)
        self.text[torch.arange(self.rows), self.lengths] = tokens[:, 0]
        self.lengths = self.lengths + 1
        return tokens

    def take_back(self) -> None:
        """Forget the last token of each row: a step that was interrupted."""
        self.lengths = self.lengths - 1

    def extend(self, block: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Take in the keys and values of the new tokens; gives those of all rows, as views as long as the longest."""
        rows, place, end = torch.arange(self.rows), self.lengths - 1, self.length
        self.keys[block][rows, :, place] = k[:, :, 0]
        self.values[block][rows, :, place] = v[:, :, 0]
        return self.keys[block][: self.rows, :, :end], self.values[block][: self.rows, :, :end]

    @property
    def positions(self) -> Tensor:
        """Where each row's newest token stands: (rows,)."""
        return self.lengths - 1

    def seen(self) -> Tensor:
        """What each row's newest token may look at, its own text alone: (rows, 1, 1, S)."""
        return (torch.arange(self.length) < self.lengths[:, None])[:, None, None, :]

    def newest(self, count: int) -> Tensor:
        """The last tokens of each row, with 0 before its beginning: (rows, count)."""
        places = self.lengths[:, None] - count + torch.arange(count)
        found = self.text[: self.rows].gather(1, places.clamp(min=0))
        return torch.where(places < 0, 0, found)

    def _grow(self, length: int) -> None:
        """Room for longer texts, at least twice as much as there was."""
        if length <= self.room:
            return
        room = max(length, 2 * self.room)
        wider = torch.zeros(self.slots, room, dtype=torch.int64)
        wider[:, : self.room] = self.text
        for buffers in (self.keys, self.values):
            for block, held in buffers.items():
                larger = held.new_zeros(held.shape[0], held.shape[1], room, held.shape[3])
                larger[:, :, : self.room] = held
                buffers[block] = larger
        self.text, self.room = wider, room
