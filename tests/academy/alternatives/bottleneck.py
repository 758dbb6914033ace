"""With a helper that makes a convolution and its norm, and a loop over the first two."""

import torch
from torch import Tensor, nn

from upslope.blocks.residual import shortcut_for


def pair(inputs: int, outputs: int, size: int, stride: int) -> tuple[nn.Conv2d, nn.BatchNorm2d]:
    return nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False), nn.BatchNorm2d(outputs)


class Bottleneck(nn.Module):
    def __init__(
        self, in_channels: int, channels: int, *, stride: int = 1, padded: bool = False, stride_in_1x1: bool = False
    ) -> None:
        super().__init__()
        strides = [1, stride]
        if stride_in_1x1:
            strides.reverse()
        self.conv1, self.norm1 = pair(in_channels, channels, 1, strides[0])
        self.conv2, self.norm2 = pair(channels, channels, 3, strides[1])
        self.conv3, self.norm3 = pair(channels, 4 * channels, 1, 1)
        self.shortcut = shortcut_for(in_channels, 4 * channels, stride=stride, padded=padded)

    def forward(self, x: Tensor) -> Tensor:
        out = x
        for conv, norm in ((self.conv1, self.norm1), (self.conv2, self.norm2)):
            out = torch.relu(norm(conv(out)))
        return torch.relu(self.shortcut(x) + self.norm3(self.conv3(out)))
