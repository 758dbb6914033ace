"""A named size without a count: nobody can tell whether it is the network that it is called."""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.cards import Input, ModelCard, Size


class Planted(nn.Module):
    def __init__(self, *, width: int) -> None:
        super().__init__()
        self.linear1 = nn.Linear(6, width)
        self.linear2 = nn.Linear(width, 4)

    def forward(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        return self.linear2(F.relu(self.linear1(x)))


CARD = ModelCard(
    name="counted_nowhere",
    title="Planted",
    paper="none",
    link="",
    domain="planted",
    builder="Planted",
    sizes={
        "toy": Size(arguments={"width": 32}, inputs=(Input(shape=(6,)),), output=(4,)),
        "wide": Size(arguments={"width": 64}, inputs=(Input(shape=(6,)),), output=(4,)),
    },
)
