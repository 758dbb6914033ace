"""Blocks of a one-stage detector's trunk: cross-stage partial connections, and pooling in pyramids.

C.-Y. Wang et al., "CSPNet", 2019, https://arxiv.org/abs/1911.11929: half of the channels pass by, so that less is
computed and gradients have a short way. C.-Y. Wang et al., "Designing Network Design Strategies Through Gradient Path
Analysis" (ELAN), 2022, https://arxiv.org/abs/2211.04800: what leaves each bottleneck is joined as well. K. He et al.,
"Spatial Pyramid Pooling", 2014, https://arxiv.org/abs/1406.4729. Activation: S. Elfwing et al., SiLU, 2017,
https://arxiv.org/abs/1702.03118.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

EPS, MOMENTUM = 1e-3, 0.03  # of the batch norms, as one-stage detectors in PyTorch have them


class ConvNorm(nn.Module):
    """A convolution without bias, batch norm and SiLU; padded so that stride 1 keeps height and width."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int = 1, *, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, stride=stride, padding=kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(out_channels, eps=EPS, momentum=MOMENTUM)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D H2 W2"]:
        return F.silu(self.norm(self.conv(x)), inplace=True)


class Bottleneck(nn.Module):
    """Two 3x3 convolutions of the same width, with or without a skip connection."""

    def __init__(self, channels: int, *, skip: bool) -> None:
        super().__init__()
        self.conv1 = ConvNorm(channels, channels, 3)
        self.conv2 = ConvNorm(channels, channels, 3)
        self.skip = skip

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        y = self.conv2(self.conv1(x))
        return x + y if self.skip else y


class CrossStage(nn.Module):
    """A 1x1 convolution in two halves; one passes by, one goes through `depth` bottlenecks; all are joined at the end.

    Joined are both halves and what leaves each bottleneck: (2 + depth) * out_channels / 2 maps.
    """

    def __init__(self, in_channels: int, out_channels: int, *, depth: int, skip: bool) -> None:
        super().__init__()
        half = out_channels // 2
        self.split = ConvNorm(in_channels, 2 * half)
        self.bottlenecks = nn.ModuleList(Bottleneck(half, skip=skip) for _ in range(depth))
        self.join = ConvNorm((2 + depth) * half, out_channels)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D H W"]:
        parts = list(self.split(x).chunk(2, dim=1))
        for bottleneck in self.bottlenecks:
            parts.append(bottleneck(parts[-1]))
        return self.join(torch.cat(parts, dim=1))


class PyramidPooling(nn.Module):
    """Maxima over 5x5, 9x9 and 13x13 places beside the maps themselves: three poolings of 5x5, one after the other."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.reduce = ConvNorm(channels, channels // 2)
        self.join = ConvNorm(4 * (channels // 2), channels)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        parts = [self.reduce(x)]
        for _ in range(3):
            parts.append(F.max_pool2d(parts[-1], 5, stride=1, padding=2))
        return self.join(torch.cat(parts, dim=1))
