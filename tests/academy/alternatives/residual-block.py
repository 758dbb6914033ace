"""Without changing anything in place, and with the children made in another order."""

import torch
from torch import Tensor, nn

from upslope.blocks.residual import shortcut_for


class BasicBlock(nn.Module):
    def __init__(self, in_channels: int, channels: int, *, stride: int = 1, padded: bool = False) -> None:
        super().__init__()

        def conv(inputs: int, step: int) -> nn.Conv2d:
            return nn.Conv2d(inputs, channels, kernel_size=3, stride=step, padding=1, bias=False)

        self.shortcut = shortcut_for(in_channels, channels, stride=stride, padded=padded)
        self.norm2, self.norm1 = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)
        self.conv2, self.conv1 = conv(channels, 1), conv(in_channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        out = self.shortcut(x)
        first = torch.clamp(self.norm1(self.conv1(x)), min=0)
        return torch.relu(out + self.norm2(self.conv2(first)))
