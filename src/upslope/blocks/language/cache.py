"""The key-value cache: keys and values of earlier tokens in a causal Transformer are kept, not computed again.

In a causal model nothing that comes later changes the keys and values of a token. So a model that continues a text
computes the new token alone; without the cache every token costs a forward pass over all of them.
"""

import torch
from jaxtyping import Float
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


def extend_buffer(
    buffer: Float[Tensor, "B H R D"] | None, new: Float[Tensor, "B H T D"], *, used: int, most: int, first: int = 256
) -> Float[Tensor, "B H _ D"]:
    """The buffer with `new` in its rows used ... used + T - 1, behind the `used` rows that hold earlier tokens.

    Rows are the third dimension; what the rows behind the new ones hold is not said. If the new rows fit they are
    written in place, and the buffer itself comes back. If they do not, or there is no buffer yet, the used rows move
    to a larger one, of min(most, max(first, 2 * (used + T))) rows: room for twice as many as are now in use, at least
    `first`, never more than `most`. So a row moves once or twice on average, and not once for each token. More rows in
    use than `most` are refused with a ValueError: "9 tokens for a cache of at most 8". With first=4 and most=64, where
    4 of 4 rows are in use and 1 comes, the room becomes 10 rows.
    """
    # The rows in use from now on.
    end = used + new.shape[2]
    if end > most:
        raise ValueError(f"{end} tokens for a cache of at most {most}")
    # No room: a buffer of twice the size, to which the earlier rows move.
    if buffer is None or buffer.shape[2] < end:
        room = min(most, max(first, 2 * end))
        larger = new.new_empty(new.shape[0], new.shape[1], room, new.shape[3])
        if buffer is not None:
            larger[:, :, :used] = buffer[:, :, :used]
        buffer = larger
    # The new rows take their places, and the earlier ones are not touched.
    buffer[:, :, used:end] = new
    return buffer


class SharedPrefix(KeyValueCache):
    """The cache of one beginning, read by any number of texts that go on from it side by side; they leave no trace."""

    def __init__(self, beginning: KeyValueCache) -> None:
        super().__init__()
        self.beginning = beginning
        self.tokens = beginning.tokens  # (1, S)

    def read(self, tokens: Tensor) -> Tensor:
        """All tokens so far; none is kept."""
        assert self.tokens is not None
        return torch.cat([self.tokens.expand(len(tokens), -1), tokens], dim=1)

    def extend(self, block: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values of the beginning, once for each text, and the new ones."""
        held = (buffers[block].expand(len(k), -1, -1, -1) for buffers in (self.beginning.keys, self.beginning.values))
        keys, values = held
        return torch.cat([keys, k], dim=2), torch.cat([values, v], dim=2)


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
        for buffers, new in ((self.keys, k), (self.values, v)):
            buffer, used = buffers.get(block), end - new.shape[2]
            buffers[block] = extend_buffer(buffer, new, used=used, most=self.most, first=self.first)
        return self.keys[block][:, :, :end], self.values[block][:, :, :end]

    def shorten(self, length: int) -> None:
        """Forget all tokens but the first `length`: a text that begins alike goes on from there."""
        if self.tokens is not None and length < self.length:
            self.tokens = self.tokens[:, :length] if length else None
