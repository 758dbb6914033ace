"""RoIAlign: a part of a feature map, wherever its edges lie, as a small map of fixed size.

K. He, G. Gkioxari, P. Dollar, R. Girshick, "Mask R-CNN", 2017, https://arxiv.org/abs/1703.06870, section 3. RoIPool of
Fast R-CNN rounded the edges to places of the map, up to half a stride away; here values between places are
interpolated, and nothing is rounded. As in Detectron2 and torchvision with aligned=True: place 0 has its middle at 0.5.

Plain PyTorch: gradients reach the features, and the boxes as well. Left out: a number of samples that adapts to the
size of the box, and boxes that are turned.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor


def roi_align(
    features: Float[Tensor, "B C H W"],
    boxes: Float[Tensor, "N 4"],
    pictures: Int[Tensor, "N"],
    *,
    size: int,
    scale: float = 1.0,
    samples: int = 2,
) -> Float[Tensor, "N C size size"]:
    """Each box's part of its picture's feature map, in size x size cells.

    `boxes` are xyxy in pixels of the picture, `pictures` says to which of the B pictures each belongs, and `scale` how
    many places of the map there are for a pixel, 1 / stride. A cell is the mean of samples x samples values at places
    that divide it evenly: x = x1 + (k + 1/2) (x2 - x1) / (size * samples), with x1 and x2 in places. Place j of the map
    has its middle at j + 1/2; a value between four middles is interpolated bilinearly, one within half a place of the
    map's edge, or up to half a place beyond, is that of the edge, and anything farther outside is 0. Of the map
    [[0, 1], [2, 3]] the box [0, 0, 2, 2] with size = 1 and samples = 1 is the value in its middle, 1.5. He et al. 2017,
    section 3.
    """
    height, width = features.shape[2:]
    # Edges in places of the map, unrounded; then how far along each sample lies.
    left, top, right, bottom = (boxes * scale)[:, :, None].unbind(dim=1)
    along = (torch.arange(size * samples, dtype=boxes.dtype, device=boxes.device) + 0.5) / (size * samples)
    # Counted from the middle of the first place: (N, S) down and across, S = size * samples.
    y, x = top + (bottom - top) * along - 0.5, left + (right - left) * along - 0.5
    # What lies more than a place from the outermost middles sees nothing; what is nearer sees the edge.
    inside = ((y >= -1) & (y <= height))[:, :, None] & ((x >= -1) & (x <= width))[:, None, :]
    y, x = y.clamp(0, height - 1)[:, :, None], x.clamp(0, width - 1)[:, None, :]
    # The places before and behind each sample, and how far it is from the first.
    above, before = y.detach().long(), x.detach().long()
    below, behind = (above + 1).clamp(max=height - 1), (before + 1).clamp(max=width - 1)
    down, across = (y - above)[..., None], (x - before)[..., None]
    # Bilinear: along the two rows first, then between them. (N, S, S, C)
    maps, which = features.permute(0, 2, 3, 1), pictures[:, None, None]
    upper = maps[which, above, before] * (1 - across) + maps[which, above, behind] * across
    lower = maps[which, below, before] * (1 - across) + maps[which, below, behind] * across
    values = (upper * (1 - down) + lower * down) * inside[..., None]
    # The mean of each cell's samples.
    cells = values.reshape(len(boxes), size, samples, size, samples, features.shape[1]).mean(dim=(2, 4))
    return cells.permute(0, 3, 1, 2)
