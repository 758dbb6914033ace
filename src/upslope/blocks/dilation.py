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


def normed(conv: nn.Conv2d) -> nn.Sequential:
    """The convolution, batch norm and ReLU."""
    return nn.Sequential(conv, nn.BatchNorm2d(conv.out_channels), nn.ReLU(inplace=True))


class AtrousPyramid(nn.Module):
    """One map seen at several scales at once, and joined: Chen et al. 2017, section 3.3.

    Children: `branches`, a ModuleList of a 1x1 convolution and, for each of `rates` in turn, a 3x3 convolution with
    this dilation, which keeps height and width; `mean`, a 1x1 convolution of the mean of all places, whose result is
    repeated at every place; `join`, a 1x1 convolution that makes `channels` of all of these, side by side in this
    order; `dropout`. Each branch and the mean make `channels` maps of `in_channels`. Every convolution is without bias
    and inside `normed`, which gives it its batch norm and ReLU.

    If all weights are 1, the norms new and in evaluation, there is one channel and rates=(2,), then of the row
    [1, 2, 3] the 1x1 makes [1, 2, 3], the 3x3 [4, 2, 4] and the mean [2, 2, 2], and their sum is [7, 6, 9].
    AtrousPyramid(2048, 256, rates=(12, 24, 36), dropout=0.5) has 15,535,104 parameters.
    """

    def __init__(self, in_channels: int, channels: int, *, rates: tuple[int, ...], dropout: float) -> None:
        super().__init__()
        self.branches = nn.ModuleList([normed(nn.Conv2d(in_channels, channels, 1, bias=False))])
        for rate in rates:
            conv = nn.Conv2d(in_channels, channels, 3, padding=rate, dilation=rate, bias=False)
            self.branches.append(normed(conv))
        self.mean = normed(nn.Conv2d(in_channels, channels, 1, bias=False))
        self.join = normed(nn.Conv2d((2 + len(rates)) * channels, channels, 1, bias=False))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D H W"]:
        """(B, in_channels, H, W) to (B, channels, H, W)."""
        # Each branch looks at the same maps, at its own distance.
        parts = [branch(x) for branch in self.branches]
        # What the whole picture is like: one number for each channel, told to every place.
        mean = self.mean(x.mean(dim=(2, 3), keepdim=True))
        parts.append(mean.expand(-1, -1, *x.shape[2:]))
        # All scales side by side, and a convolution that weighs them.
        return self.dropout(self.join(torch.cat(parts, dim=1)))


def to_size(maps: Float[Tensor, "B K h w"], like: Float[Tensor, "B C H W"]) -> Float[Tensor, "B K H W"]:
    """Maps at the height and width of others, between places by bilinear interpolation."""
    return F.interpolate(maps, size=like.shape[2:], mode="bilinear", align_corners=False)
