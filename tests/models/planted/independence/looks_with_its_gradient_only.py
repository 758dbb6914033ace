"""The neighbour's value is added and taken away again: only the gradient shows that it was there."""

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
        neighbour = x.roll(1, dims=0)
        return self.linear2(x + (neighbour - neighbour.detach()))


CARD = ModelCard(
    name="looks_with_its_gradient_only",
    title="Planted",
    paper="none",
    link="",
    domain="planted",
    builder="Planted",
    sizes={"toy": Size(arguments={}, inputs=(Input(shape=(6,)),), output=(4,))},
)
