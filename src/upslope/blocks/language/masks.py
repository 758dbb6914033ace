"""Masks for attention over texts: which position (row) may look at which (column), True where it may.

A. Vaswani et al., "Attention Is All You Need", 2017, https://arxiv.org/abs/1706.03762, section 3.2.3. Texts of a batch
have different lengths; the short ones are padded, on the right or on the left, and nobody may look at the padding.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def causal_mask(length: int, *, device: torch.device | None = None) -> Bool[Tensor, "T T"]:
    """Each of `length` positions may look at itself and at what stands before it.

    causal_mask(3) is [[1, 0, 0], [1, 1, 0], [1, 1, 1]]. Vaswani et al. 2017, section 3.2.3.
    """
    # Row t is True up to column t: the lower triangle with its diagonal.
    return torch.ones(length, length, dtype=torch.bool, device=device).tril()


def padding_mask(real: Bool[Tensor, "B T"], *, causal: bool = False) -> Bool[Tensor, "B 1 T T"]:
    """Every position may look at the real tokens; with `causal` only at those that are not behind it.

    `real` is False where a token is padding. Each position may look at itself as well: what padding says is not used,
    but a row without a single True would be nan, and in a causal model nan would spread from padding on the left. The
    dimension of size 1 stands for the heads. padding_mask([[1, 1, 0]]) is [[[[1, 1, 0], [1, 1, 0], [1, 1, 1]]]].
    """
    length = real.shape[1]
    # A column for each token: the same answer for every position that might look.
    seen = real[:, None, None, :].expand(-1, 1, length, -1)
    # Nothing that comes later is seen.
    if causal:
        seen = seen & causal_mask(length, device=real.device)
    # Everybody sees at least itself.
    return seen | torch.eye(length, dtype=torch.bool, device=real.device)


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
