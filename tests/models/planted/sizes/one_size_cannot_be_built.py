"""A size whose numbers do not go together."""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.cards import Input, ModelCard, Size

ALSO = ("counts",)


class Planted(nn.Module):
    def __init__(self, *, width: int) -> None:
        super().__init__()
        self.linear1 = nn.Linear(6, width)
        self.norm = nn.GroupNorm(4, width)
        self.linear2 = nn.Linear(width, 4)

    def forward(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        return self.linear2(F.relu(self.norm(self.linear1(x))))


CARD = ModelCard(
    name="one_size_cannot_be_built",
    title="Planted",
    paper="none",
    link="",
    domain="planted",
    builder="Planted",
    sizes={
        "toy": Size(arguments={"width": 32}, inputs=(Input(shape=(6,)),), output=(4,)),
        "odd": Size(arguments={"width": 33}, inputs=(Input(shape=(6,)),), output=(4,)),
    },
)
