"""A branch behind a gate that begins at 0 and opens in the first step: no gradient at the start is no fault."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.cards import Input, ModelCard, Size


class Planted(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear1 = nn.Linear(6, 32)
        self.linear2 = nn.Linear(32, 4)
        self.branch = nn.Linear(32, 32)
        self.gate = nn.Parameter(torch.zeros(32))

    def forward(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        x = F.relu(self.linear1(x))
        return self.linear2(x + self.gate * F.relu(self.branch(x)))


CARD = ModelCard(
    name="begins_behind_a_closed_gate",
    title="Planted",
    paper="none",
    link="",
    domain="planted",
    builder="Planted",
    sizes={"toy": Size(arguments={}, inputs=(Input(shape=(6,)),), output=(4,))},
)
