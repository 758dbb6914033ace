"""What is not there is left out, and SiLU is written out."""

import torch
from torch import Tensor, nn

from upslope.blocks.depth import StochasticDepth
from upslope.blocks.inverted_bottleneck import SamePadding, SqueezeExcitation


class InvertedBottleneck(nn.Module):
    def __init__(
        self,
        in_channels: int,
        channels: int,
        *,
        ratio: int = 6,
        kernel: int = 3,
        stride: int = 1,
        padding: str = "symmetric",
        eps: float = 1e-3,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        middle = in_channels * ratio
        self.ratio = ratio
        self.shortcut = stride == 1 and channels == in_channels
        if ratio > 1:
            self.expand = nn.Conv2d(in_channels, middle, kernel_size=1, bias=False)
            self.norm1 = nn.BatchNorm2d(middle, eps=eps)
        around = kernel // 2 if padding == "symmetric" else 0
        self.pad = nn.Identity() if padding == "symmetric" else SamePadding(kernel=kernel, stride=stride)
        self.depthwise = nn.Conv2d(middle, middle, kernel, stride, around, groups=middle, bias=False)
        self.norm2 = nn.BatchNorm2d(middle, eps=eps)
        self.excite = SqueezeExcitation(middle, in_channels // 4 or 1)
        self.project = nn.Conv2d(middle, channels, kernel_size=1, bias=False)
        self.norm3 = nn.BatchNorm2d(channels, eps=eps)
        self.drop = StochasticDepth(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        wide = x
        if self.ratio > 1:
            wide = self.norm1(self.expand(wide))
            wide = wide * torch.sigmoid(wide)
        wide = self.norm2(self.depthwise(self.pad(wide)))
        wide = self.excite(wide * torch.sigmoid(wide))
        out = self.norm3(self.project(wide))
        if not self.shortcut:
            return out
        return self.drop(out) + x
