"""The second output, which may be absent, is narrower than it says."""

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.cards import Input, ModelCard, Size


class Output(NamedTuple):
    scores: Float[Tensor, "batch 4"]
    hidden: Float[Tensor, "batch 9"] | None
    absent: Float[Tensor, "batch 5"] | None


class Planted(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear1 = nn.Linear(6, 8)
        self.linear2 = nn.Linear(8, 4)

    def forward(self, x: Float[Tensor, "batch 6"]) -> Output:
        hidden = self.linear1(x).tanh()
        return Output(self.linear2(hidden), hidden, None)


def loss(output: Output, x: Tensor) -> Tensor:
    return F.cross_entropy(output.scores, x[:, :4].argmax(dim=1)) + output.hidden[:, 0].square().mean()


CARD = ModelCard(
    name="optional_output_says_another_shape",
    title="Planted",
    paper="none",
    link="",
    domain="planted",
    builder="Planted",
    sizes={"toy": Size(arguments={}, inputs=(Input(shape=(6,)),), outputs={"scores": (4,), "hidden": (8,)})},
    loss="loss",
)
