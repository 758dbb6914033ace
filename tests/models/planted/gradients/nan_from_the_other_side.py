"""A root of what may be negative, chosen away by `where`: its gradient, nan, comes through all the same."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from upslope.cards import Input, ModelCard, Size

ALSO = ("independence", "overfitting")


class Planted(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear1 = nn.Linear(6, 32)
        self.linear2 = nn.Linear(32, 4)

    def forward(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        x = self.linear1(x)
        return self.linear2(torch.where(x > 0, x.sqrt(), 0.0))


CARD = ModelCard(
    name="nan_from_the_other_side",
    title="Planted",
    paper="none",
    link="",
    domain="planted",
    builder="Planted",
    sizes={"toy": Size(arguments={}, inputs=(Input(shape=(6,)),), output=(4,))},
)
