"""Relative positions in buckets: near distances one by one, far ones in ranges that grow.

C. Raffel et al., "Exploring the Limits of Transfer Learning with a Unified Text-to-Text Transformer", 2019,
https://arxiv.org/abs/1910.10683, section 2.1; the sizes of the ranges as in the authors' code.
"""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn


def relative_buckets(
    distance: Int[Tensor, "*B"], *, bidirectional: bool, buckets: int = 32, max_distance: int = 128
) -> Int[Tensor, "*B"]:
    """The bucket, from 0 to buckets - 1, of each distance: position of the key minus position of the query.

    With `bidirectional` each side has half of all buckets, keys behind the query (distance > 0) the upper half. Without
    it such keys are not seen, and share bucket 0 with distance 0. Of a side's n buckets the first n // 2 hold one
    distance each: 0, 1, 2, ... The others divide what lies between e = n // 2 and `max_distance` into ranges of equal
    length on a logarithmic scale, e + floor((n - e) * log(d / e) / log(max_distance / e)); the last one also holds
    everything beyond. A max_distance up to e is refused with a ValueError: "max_distance=4 for buckets that hold 4
    distances one by one". With buckets=8, max_distance=16 and no keys behind the query, [0, -1, -3, -4, -6, -9, -100]
    becomes [0, 1, 3, 4, 5, 6, 7]. Raffel et al. 2019, section 2.1.
    """
    # Each side has its own buckets, if both are seen; those for what lies ahead stand above the others.
    if bidirectional:
        buckets //= 2
        first = (distance > 0).long() * buckets
        distance = distance.abs()
    else:
        first = torch.zeros_like(distance)
        distance = (-distance).clamp(min=0)
    # Up to here every distance has a bucket of its own.
    exact = buckets // 2
    if max_distance <= exact:
        raise ValueError(f"max_distance={max_distance} for buckets that hold {exact} distances one by one")
    # How far along it is, in logarithms, from the last of these to max_distance.
    along = torch.log(distance.clamp(min=exact) / exact) / math.log(max_distance / exact)
    ranges = exact + (along * (buckets - exact)).long()
    # Whatever is farther is in the last bucket.
    return first + torch.where(distance < exact, distance, ranges.clamp(max=buckets - 1))


class RelativeBias(nn.Module):
    """A learned number for each head and bucket, `table`, to be added to attention's scores."""

    def __init__(self, heads: int, *, bidirectional: bool, buckets: int = 32, max_distance: int = 128) -> None:
        super().__init__()
        self.bidirectional, self.max_distance = bidirectional, max_distance
        self.table = nn.Embedding(buckets, heads)

    def forward(self, length: int) -> Float[Tensor, "1 H T T"]:
        """For `length` queries (rows) and as many keys (columns)."""
        positions = torch.arange(length, device=self.table.weight.device)
        distance = positions[None, :] - positions[:, None]
        found = relative_buckets(
            distance,
            bidirectional=self.bidirectional,
            buckets=self.table.num_embeddings,
            max_distance=self.max_distance,
        )
        return self.table(found).permute(2, 0, 1)[None]
