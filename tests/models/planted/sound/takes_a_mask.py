"""Two inputs, numbers and a mask, both used."""

from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.cards import Input, ModelCard, Size


class Planted(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear1 = nn.Linear(6, 32)
        self.linear2 = nn.Linear(32, 4)

    def forward(self, x: Float[Tensor, "..."], mask: Int[Tensor, "..."]) -> Float[Tensor, "..."]:
        return self.linear2(F.relu(self.linear1(x * mask)))


CARD = ModelCard(
    name="takes_a_mask",
    title="Planted",
    paper="none",
    link="",
    domain="planted",
    builder="Planted",
    sizes={
        "toy": Size(arguments={}, inputs=(Input(shape=(6,)), Input(shape=(6,), dtype="int64", high=2)), output=(4,))
    },
)
