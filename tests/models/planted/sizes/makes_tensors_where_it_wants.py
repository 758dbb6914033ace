"""A tensor made in `forward` without the input's device: on a GPU this network would fail."""

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

    def forward(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        steps = torch.arange(6)
        return self.linear2(F.relu(self.linear1(x + steps)))


CARD = ModelCard(
    name="makes_tensors_where_it_wants",
    title="Planted",
    paper="none",
    link="",
    domain="planted",
    builder="Planted",
    sizes={"toy": Size(arguments={}, inputs=(Input(shape=(6,)),), output=(4,))},
)
