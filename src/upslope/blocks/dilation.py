"""Dilated convolutions: a network that was made to halve its maps sees as far without halving them.

F. Yu, V. Koltun, "Multi-Scale Context Aggregation by Dilated Convolutions", 2015, https://arxiv.org/abs/1511.07122, in
residual networks as in L.-C. Chen et al., "Rethinking Atrous Convolution", 2017, https://arxiv.org/abs/1706.05587.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F


def dilate(stage: nn.Module, *, first: int, others: int) -> nn.Module:
    """A stage of residual blocks, in place, with stride 1: its 3x3 convolutions look at every n-th place instead.

    `first` is the n of the first block, `others` that of the blocks behind it, which read maps that were not halved.
    """
    for number, block in enumerate(stage.children()):
        by = others if number else first
        for layer in block.modules():
            if not isinstance(layer, nn.Conv2d):
                continue
            layer.stride = (1, 1)
            if layer.kernel_size == (3, 3):
                layer.dilation = layer.padding = (by, by)
    return stage


class AtrousPyramid(nn.Module):
    """One map seen at several scales: 1x1, dilated 3x3 for each rate, and the mean of all places; joined by 1x1.

    Chen et al. 2017, section 3.3. Every branch has `channels` maps, batch norm and ReLU; so has what joins them, with
    dropout behind it.
    """

    def __init__(self, in_channels: int, channels: int, *, rates: tuple[int, ...], dropout: float) -> None:
        super().__init__()
        self.branches = nn.ModuleList([_normed(nn.Conv2d(in_channels, channels, 1, bias=False))])
        for rate in rates:
            conv = nn.Conv2d(in_channels, channels, 3, padding=rate, dilation=rate, bias=False)
            self.branches.append(_normed(conv))
        self.mean = _normed(nn.Conv2d(in_channels, channels, 1, bias=False))
        self.join = _normed(nn.Conv2d((2 + len(rates)) * channels, channels, 1, bias=False))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D H W"]:
        """Height and width stay."""
        parts = [branch(x) for branch in self.branches]
        mean = self.mean(x.mean(dim=(2, 3), keepdim=True))
        parts.append(mean.expand(-1, -1, *x.shape[2:]))
        return self.dropout(self.join(torch.cat(parts, dim=1)))


def to_size(maps: Float[Tensor, "B K h w"], like: Float[Tensor, "B C H W"]) -> Float[Tensor, "B K H W"]:
    """Maps at the height and width of others, between places by bilinear interpolation."""
    return F.interpolate(maps, size=like.shape[2:], mode="bilinear", align_corners=False)


def _normed(conv: nn.Conv2d) -> nn.Sequential:
    return nn.Sequential(conv, nn.BatchNorm2d(conv.out_channels), nn.ReLU(inplace=True))
