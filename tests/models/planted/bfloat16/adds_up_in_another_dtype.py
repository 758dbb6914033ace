"""A sum in the input's dtype of parts that autocast made: it works in float32, and in bfloat16, and not with both."""

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
        parts = self.linear2(F.relu(self.linear1(x)))
        rows = torch.arange(x.shape[0], device=x.device)
        return torch.zeros_like(x[:, :4]).index_add(0, rows, parts)


CARD = ModelCard(
    name="adds_up_in_another_dtype",
    title="Planted",
    paper="none",
    link="",
    domain="planted",
    builder="Planted",
    sizes={"toy": Size(arguments={}, inputs=(Input(shape=(6,)),), output=(4,))},
)
