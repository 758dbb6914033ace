"""With the two products made one after the other, and SiLU by a sigmoid."""

import torch
from torch import Tensor, nn


class SwiGLU(nn.Module):
    def __init__(self, dim: int, *, hidden: int) -> None:
        super().__init__()
        self.hidden = hidden
        self.gate_up = nn.Linear(dim, hidden + hidden, bias=False)
        self.down = nn.Linear(hidden, dim, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        both = self.gate_up(x)
        gate, up = both[..., : self.hidden], both[..., self.hidden :]
        return self.down(gate * torch.sigmoid(gate) * up)
