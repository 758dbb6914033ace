"""A buffer that moves in evaluation: the network is another one after it was used."""

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
        self.register_buffer("calls", torch.zeros(1))

    def forward(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        self.calls += 1
        return self.linear2(F.relu(self.linear1(x))) + 0 * self.calls


CARD = ModelCard(
    name="counts_its_calls",
    title="Planted",
    paper="none",
    link="",
    domain="planted",
    builder="Planted",
    sizes={"toy": Size(arguments={}, inputs=(Input(shape=(6,)),), output=(4,))},
)
