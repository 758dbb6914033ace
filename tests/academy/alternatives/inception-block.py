"""The two long branches as rows of a table, and the joined maps written branch by branch."""

import torch
from torch import Tensor, nn

from upslope.blocks.inception import ConvRelu


class InceptionBlock(nn.Module):
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
        for name, (narrow, wide), size in (("branch2", threes, 3), ("branch3", fives, kernel)):
            first = ConvRelu(in_channels, narrow, 1, norm=norm)
            second = ConvRelu(narrow, wide, size, padding=(size - 1) // 2, norm=norm)
            self.add_module(name, nn.Sequential(first, second))
        pool = nn.MaxPool2d(kernel_size=3, stride=1, padding=1)
        self.branch4 = nn.Sequential(pool, ConvRelu(in_channels, pooled, 1, norm=norm))

    def forward(self, x: Tensor) -> Tensor:
        small, large = self.branch2(x), self.branch3(x)
        return torch.cat((self.branch1(x), small, large, self.branch4(x)), 1)
