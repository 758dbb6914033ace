"""The second output alone is centred over the batch."""

from jaxtyping import Float
from torch import Tensor, nn

from upslope.cards import Input, ModelCard, Size


class Planted(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(6, 32)
        self.logits = nn.Linear(32, 4)
        self.second = nn.Linear(32, 5)

    def forward(self, x: Float[Tensor, "batch 6"]) -> tuple[Float[Tensor, "batch 4"], Float[Tensor, "batch 5"]]:
        h = self.first(x).tanh()
        second = self.second(h)
        second = second - second.mean(dim=0)
        return self.logits(h), second


def loss(outputs: tuple[Tensor, Tensor], x: Tensor) -> Tensor:
    logits, second = outputs
    return (logits - x[:, :4]).square().mean() + (second.float() - x[:, :5]).square().mean()


CARD = ModelCard(
    name="second_output_norms_over_the_batch",
    title="Planted",
    paper="none",
    link="",
    domain="planted",
    builder="Planted",
    sizes={"toy": Size(arguments={}, inputs=(Input(shape=(6,)),), outputs={"logits": (4,), "second": (5,)})},
    loss="loss",
)
