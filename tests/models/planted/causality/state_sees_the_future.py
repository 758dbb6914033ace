"""The states alone know the end of the sequence; the logits are causal."""

from jaxtyping import Float
from torch import Tensor, nn

from upslope.cards import Input, ModelCard, Size


class Planted(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(6, 32)
        self.logits = nn.Linear(32, 4)

    def forward(self, x: Float[Tensor, "batch 7 6"]) -> dict[str, Float[Tensor, "batch 7 _"]]:
        h = self.first(x).tanh()
        return {"logits": self.logits(h), "states": h + h[:, -1:]}


def loss(outputs: dict[str, Tensor], x: Tensor) -> Tensor:
    return (outputs["logits"] - x[..., :4]).square().mean()


CARD = ModelCard(
    name="state_sees_the_future",
    title="Planted",
    paper="none",
    link="",
    domain="planted",
    builder="Planted",
    sizes={
        "toy": Size(arguments={}, inputs=(Input(shape=(7, 6)),), outputs={"logits": (7, 4), "states": (7, 32)}),
    },
    loss="loss",
    causal=True,
)
