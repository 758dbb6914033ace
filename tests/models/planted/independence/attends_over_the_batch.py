"""Attention over the wrong dimension: samples gather from each other."""

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
        x = F.relu(self.linear1(x))
        weights = (x @ x.transpose(0, 1) / 32).softmax(dim=-1)  # (B, B)
        return self.linear2(weights @ x + x)


CARD = ModelCard(
    name="attends_over_the_batch",
    title="Planted",
    paper="none",
    link="",
    domain="planted",
    builder="Planted",
    sizes={"toy": Size(arguments={}, inputs=(Input(shape=(6,)),), output=(4,))},
)
