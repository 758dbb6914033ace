"""What comes next is added and taken away again: only the gradient shows that it was there."""

from jaxtyping import Float
from torch import Tensor, nn

from upslope.cards import Input, ModelCard, Size


class Planted(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 64)
        self.mix = nn.Linear(64, 64)
        self.head = nn.Linear(64, 5)

    def forward(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        h = self.linear(x).tanh()
        ahead = h.roll(-1, dims=1)
        h = h + (ahead - ahead.detach())
        return self.head(h + self.mix(h).cumsum(dim=1).tanh())


CARD = ModelCard(
    name="looks_ahead_with_its_gradient_only",
    title="Planted",
    paper="none",
    link="",
    domain="planted",
    builder="Planted",
    sizes={"toy": Size(arguments={}, inputs=(Input(shape=(7, 3)),), output=(7, 5))},
    causal=True,
)
