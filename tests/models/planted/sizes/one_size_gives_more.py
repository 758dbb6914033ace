"""A size that gives other scores than its line on the card says."""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.cards import Input, ModelCard, Size


class Planted(nn.Module):
    def __init__(self, *, num_classes: int) -> None:
        super().__init__()
        self.linear1 = nn.Linear(6, 32)
        self.linear2 = nn.Linear(32, num_classes)

    def forward(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        return self.linear2(F.relu(self.linear1(x)))


CARD = ModelCard(
    name="one_size_gives_more",
    title="Planted",
    paper="none",
    link="",
    domain="planted",
    builder="Planted",
    sizes={
        "toy": Size(arguments={"num_classes": 4}, inputs=(Input(shape=(6,)),), output=(4,)),
        "large": Size(
            arguments={"num_classes": 100},
            inputs=(Input(shape=(6,)),),
            output=(10,),
            parameters=3524,
            counted_by="by hand: 6 * 32 + 32 + 32 * 100 + 100",
        ),
    },
)
