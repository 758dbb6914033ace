"""SiLU and the sigmoid written out."""

import torch
from torch import Tensor, nn


class SqueezeExcitation(nn.Module):
    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(channels, squeezed, kernel_size=1)
        self.expand = nn.Conv2d(squeezed, channels, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.reduce(torch.mean(x, dim=(-2, -1), keepdim=True))
        inner = inner * torch.sigmoid(inner)
        gates = 1 / (1 + torch.exp(-self.expand(inner)))
        return gates * x
