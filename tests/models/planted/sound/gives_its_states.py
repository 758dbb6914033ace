"""A recurrent network: logits for every time, and the last states with the batch first."""

from typing import NamedTuple

from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.cards import Input, ModelCard, Size


class Read(NamedTuple):
    logits: Float[Tensor, "batch time 11"]
    hidden: Float[Tensor, "batch 1 12"]
    cell: Float[Tensor, "batch 1 12"]


class Planted(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.tokens = nn.Embedding(11, 12)
        self.lstm = nn.LSTM(12, 12, batch_first=True)
        self.head = nn.Linear(12, 11)

    def forward(self, x: Int[Tensor, "batch time"]) -> Read:
        h, (hidden, cell) = self.lstm(self.tokens(x))
        return Read(self.head(h), hidden.transpose(0, 1), cell.transpose(0, 1))


def loss(read: Read, x: Tensor) -> Tensor:
    return F.cross_entropy(read.logits.flatten(0, 1), (3 * x % 11).flatten())


CARD = ModelCard(
    name="gives_its_states",
    title="Planted",
    paper="none",
    link="",
    domain="planted",
    builder="Planted",
    sizes={
        "toy": Size(
            arguments={},
            inputs=(Input(shape=(7,), dtype="int64", high=11),),
            outputs={"logits": (7, 11), "hidden": (1, 12), "cell": (1, 12)},
        )
    },
    loss="loss",
    causal=True,
)
