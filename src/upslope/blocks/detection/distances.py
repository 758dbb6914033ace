"""Boxes without anchors: from a place to the four edges, and each distance as a distribution.

Z. Tian et al., "FCOS", 2019, https://arxiv.org/abs/1904.01355: every place of a feature map that lies in an object says
how far its left, upper, right and lower edges are. X. Li et al., "Generalized Focal Loss", 2020,
https://arxiv.org/abs/2006.04388, section 3.2: a distance is the mean of a distribution over 0, 1, ..., bins - 1
strides, so a network can say that it does not know where a blurred edge is.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F


def places(height: int, width: int, strides: Sequence[int]) -> tuple[Float[Tensor, "N 2"], Float[Tensor, "N"]]:
    """The middle (x, y) of each place of feature maps of a picture, in its pixels, and the place's stride.

    Map after map, each row by row: place (i, j) at stride s lies at ((j + 1/2) s, (i + 1/2) s).
    """
    middles, sizes = [], []
    for stride in strides:
        down, across = torch.meshgrid(torch.arange(height // stride), torch.arange(width // stride), indexing="ij")
        middles.append((torch.stack([across, down], dim=-1).reshape(-1, 2) + 0.5) * stride)
        sizes.append(torch.full((len(middles[-1]),), float(stride)))
    return torch.cat(middles), torch.cat(sizes)


def expected_distances(logits: Float[Tensor, "*B bins"]) -> Float[Tensor, "*B"]:
    """The mean of each distribution over 0, 1, ..., bins - 1, in strides."""
    steps = torch.arange(logits.shape[-1], dtype=logits.dtype, device=logits.device)
    return logits.softmax(dim=-1) @ steps


def boxes_at(middles: Float[Tensor, "N 2"], distances: Float[Tensor, "*B N 4"]) -> Float[Tensor, "*B N 4"]:
    """Boxes in xyxy whose left, upper, right and lower edges are so far from the middles."""
    return torch.cat([middles - distances[..., :2], middles + distances[..., 2:]], dim=-1)


def distances_to(middles: Float[Tensor, "N 2"], boxes: Float[Tensor, "N 4"]) -> Float[Tensor, "N 4"]:
    """The inverse: how far each box's edges are from its middle, to the left, up, right and down."""
    return torch.cat([middles - boxes[..., :2], boxes[..., 2:] - middles], dim=-1)


def distribution_focal_loss(logits: Float[Tensor, "N 4 bins"], targets: Float[Tensor, "N 4"]) -> Float[Tensor, "N"]:
    """-((r + 1 - y) log p_r + (y - r) log p_(r+1)), the mean over the four edges.

    y is the target in strides, between the whole numbers r and r + 1: the nearer one should be the likelier. Targets
    are brought to between 0 and bins - 1; what is farther cannot be said. With logits of equal probability 1/bins the
    loss is ln(bins) for every target. Li et al. 2020, equation 6.
    """
    last = logits.shape[-1] - 1
    y = targets.clamp(0, last)
    # The whole number below; at the very end the one before it, so that there is one above.
    r = y.floor().clamp(max=last - 1).long()
    above = y - r
    surprise = -F.log_softmax(logits, dim=-1)
    lower, upper = (surprise.gather(-1, k[..., None])[..., 0] for k in (r, r + 1))
    return ((1 - above) * lower + above * upper).mean(dim=-1)
