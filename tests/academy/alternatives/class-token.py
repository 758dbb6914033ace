"""With a sequence made empty and filled in two pieces."""

import torch
from torch import Tensor, nn


class ClassTokenAndPositions(nn.Module):
    def __init__(self, *, tokens: int, dim: int) -> None:
        super().__init__()
        self.positions = nn.Parameter(torch.empty(1, tokens + 1, dim))
        self.class_token = nn.Parameter(torch.empty(1, 1, dim))
        for parameter in self.parameters():
            nn.init.normal_(parameter, std=0.02)

    def forward(self, x: Tensor) -> Tensor:
        first = (self.class_token + self.positions[:, :1]).repeat(len(x), 1, 1)
        return torch.cat((first, x + self.positions[:, 1:]), dim=1)
