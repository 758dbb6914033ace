"""The 1x1 as one more row of the table of kernels, and the mean pooled by PyTorch and repeated."""

import torch
from torch import Tensor, nn

from upslope.blocks.dilation import normed


class AtrousPyramid(nn.Module):
    def __init__(self, in_channels: int, channels: int, *, rates: tuple[int, ...], dropout: float) -> None:
        super().__init__()
        kernels = [{"kernel_size": 1}, *({"kernel_size": 3, "padding": "same", "dilation": rate} for rate in rates)]
        convs = (nn.Conv2d(in_channels, channels, bias=False, **kernel) for kernel in kernels)
        self.branches = nn.ModuleList(map(normed, convs))
        self.mean = normed(nn.Conv2d(in_channels, channels, 1, bias=False))
        self.join = normed(nn.Conv2d(channels * (len(kernels) + 1), channels, 1, bias=False))
        self.dropout = nn.Dropout(p=dropout)

    def forward(self, x: Tensor) -> Tensor:
        whole = self.mean(nn.functional.adaptive_avg_pool2d(x, 1)).repeat(1, 1, x.shape[-2], x.shape[-1])
        return self.dropout(self.join(torch.cat((*(branch(x) for branch in self.branches), whole), 1)))
