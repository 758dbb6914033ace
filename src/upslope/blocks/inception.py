"""The Inception block: filters of several sizes side by side, each behind a 1x1 convolution that makes them affordable.

C. Szegedy et al., "Going Deeper with Convolutions", 2014, https://arxiv.org/abs/1409.4842, section 4, figure 2b. With
batch norm: S. Ioffe, C. Szegedy, "Batch Normalization", 2015, https://arxiv.org/abs/1502.03167, section 4.2.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F


class ConvRelu(nn.Module):
    """A convolution and ReLU; with `norm`, batch norm between the two, and then no bias."""

    def __init__(
        self,
        in_channels: int,
        channels: int,
        kernel: int | tuple[int, int],
        *,
        stride: int = 1,
        padding: int | tuple[int, int] = 0,
        norm: bool = False,
        eps: float = 1e-3,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, channels, kernel, stride=stride, padding=padding, bias=not norm)
        self.bn: nn.Module = nn.BatchNorm2d(channels, eps=eps) if norm else nn.Identity()

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D h w"]:
        """(B, in_channels, H, W) to (B, channels, h, w), as the convolution has it."""
        return F.relu(self.bn(self.conv(x)), inplace=True)


class InceptionBlock(nn.Module):
    """Four branches over the same maps, joined along the channels: Szegedy et al. 2014, figure 2b.

    Children, all made of `ConvRelu` with `norm`, and all keeping height and width:
    `branch1`, 1x1 to `ones` channels; `branch2`, 1x1 to threes[0], then 3x3 to threes[1]; `branch3`, 1x1 to fives[0],
    then `kernel` x `kernel` to fives[1]; `branch4`, a maximum over 3x3 with stride 1, then 1x1 to `pooled`. The result
    has ones + threes[1] + fives[1] + pooled channels, in this order.

    GoogLeNet's first, InceptionBlock(192, ones=64, threes=(96, 128), fives=(16, 32), pooled=32), makes 256 channels of
    192, with 163,696 parameters; without the two 1x1 in front of the wide filters it would have 393,472.
    """

    def __init__(
        self,
        in_channels: int,
        *,
        ones: int,
        threes: tuple[int, int],
        fives: tuple[int, int],
        pooled: int,
        kernel: int = 5,
        norm: bool = False,
    ) -> None:
        super().__init__()
        self.branch1 = ConvRelu(in_channels, ones, 1, norm=norm)
        self.branch2 = nn.Sequential(
            ConvRelu(in_channels, threes[0], 1, norm=norm), ConvRelu(threes[0], threes[1], 3, padding=1, norm=norm)
        )
        self.branch3 = nn.Sequential(
            ConvRelu(in_channels, fives[0], 1, norm=norm),
            ConvRelu(fives[0], fives[1], kernel, padding=kernel // 2, norm=norm),
        )
        self.branch4 = nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), ConvRelu(in_channels, pooled, 1, norm=norm))

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D H W"]:
        """(B, in_channels, H, W) to (B, ones + threes[1] + fives[1] + pooled, H, W)."""
        # Every branch looks at the same input, none at another branch's result.
        branches = (self.branch1, self.branch2, self.branch3, self.branch4)
        # Their maps have the same height and width, and lie side by side as channels.
        return torch.cat([branch(x) for branch in branches], dim=1)
