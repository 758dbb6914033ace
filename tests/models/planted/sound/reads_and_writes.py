"""Two inputs: a sequence that is read whole, and one that is written after it."""

from jaxtyping import Float, Int
from torch import Tensor, nn

from upslope.cards import Input, ModelCard, Size


class Planted(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.source = nn.Embedding(11, 16)
        self.target = nn.Embedding(11, 16)
        self.encoder = nn.GRU(16, 24, batch_first=True)
        self.decoder = nn.GRU(16, 24, batch_first=True)
        self.head = nn.Linear(24, 11)

    def forward(self, source: Int[Tensor, "batch 5"], target: Int[Tensor, "batch 4"]) -> Float[Tensor, "batch 4 11"]:
        _, state = self.encoder(self.source(source))
        h, _ = self.decoder(self.target(target), state)
        return self.head(h)


CARD = ModelCard(
    name="reads_and_writes",
    title="Planted",
    paper="none",
    link="",
    domain="planted",
    builder="Planted",
    sizes={
        "toy": Size(
            arguments={},
            inputs=(Input(shape=(5,), dtype="int64", high=11), Input(shape=(4,), dtype="int64", high=11)),
            output=(4, 11),
        )
    },
)
