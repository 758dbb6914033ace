"""Masks for attention over texts: which position (row) may look at which (column), True where it may.

A. Vaswani et al., "Attention Is All You Need", 2017, https://arxiv.org/abs/1706.03762, section 3.2.3. Texts of a batch
have different lengths; the short ones are padded, on the right or on the left, and nobody may look at the padding.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def causal_mask(length: int, *, start: int = 0, device: torch.device | None = None) -> Bool[Tensor, "T S"]:
    """Each of `length` positions may look at itself and at what stands before it; the rows of those from `start` on.

    causal_mask(3) is [[1, 0, 0], [1, 1, 0], [1, 1, 1]], and causal_mask(3, start=2) is the last row of it. Vaswani et
    al. 2017, section 3.2.3.
    """
    # Row t is True up to column start + t: the lower triangle with its diagonal.
    return torch.ones(length - start, length, dtype=torch.bool, device=device).tril(start)


def padding_mask(real: Bool[Tensor, "B S"], *, causal: bool = False, start: int = 0) -> Bool[Tensor, "B 1 T S"]:
    """Every position may look at the real tokens; with `causal` only at those that are not behind it.

    `real` is False where a token is padding. Only the T = S - start positions from `start` on look: with a key-value
    cache these are the new ones. Each of them may look at itself as well, even if it is padding: what padding says is
    not used, but a row without a single True would be nan, and in a causal model nan would spread from padding on the
    left. The dimension of size 1 stands for the heads. padding_mask([[1, 1, 0]]) is [[[[1, 1, 0], [1, 1, 0],
    [1, 1, 1]]]], with causal=True it is [[[[1, 0, 0], [1, 1, 0], [1, 1, 1]]]], and with start=2 the last row is left.
    """
    length = real.shape[1]
    # A column for each token: the same answer for every position that might look.
    seen = real[:, None, None, :].expand(-1, 1, length - start, -1)
    # Nothing that comes later is seen.
    if causal:
        seen = seen & causal_mask(length, start=start, device=real.device)
    # Everybody sees at least itself.
    places = torch.arange(length, device=real.device)
    return seen | (places[start:, None] == places)


def cross_mask(real: Bool[Tensor, "B S"]) -> Bool[Tensor, "B 1 1 S"]:
    """A decoder's positions may look at the real tokens of the source; at all, if it has none, since nan helps nobody.

    `real` is False where a token of the source is padding. The dimensions of size 1 stand for the heads and for the
    positions that look. cross_mask([[1, 0]]) is [[[[1, 0]]]], and cross_mask([[0, 0]]) is [[[[1, 1]]]].
    """
    # A mean over nothing is nan: a source of padding only counts as real.
    return (real | ~real.any(dim=1, keepdim=True))[:, None, None, :]


def additive_mask(mask: Bool[Tensor, "*#B"], bias: Float[Tensor, "*#B"]) -> Float[Tensor, "*B"]:
    """What is added to scores: the bias where the mask is True, elsewhere the lowest number, whose exponential is 0.

    Unlike -infinity it makes a row in which nothing is seen an average of everything, not nan.
    """
    return torch.where(mask, bias, torch.finfo(bias.dtype).min)
