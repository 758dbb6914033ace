"""One output for the whole sequence, on a card that says causal."""

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
        return self.head(h + self.mix(h).cumsum(dim=1).tanh())[:, -1]


CARD = ModelCard(
    name="says_one_thing",
    title="Planted",
    paper="none",
    link="",
    domain="planted",
    builder="Planted",
    sizes={"toy": Size(arguments={}, inputs=(Input(shape=(7, 3)),), output=(5,))},
    causal=True,
)
