"""Numbers taken as they lie in memory: right for most batches, and in silence wrong for one that was turned."""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.cards import Input, ModelCard, Size


class Planted(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear1 = nn.Linear(6, 32)
        self.linear2 = nn.Linear(32, 4)

    def forward(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        return self.linear2(F.relu(self.linear1(x.as_strided((x.shape[0], 6), (6, 1)))))


CARD = ModelCard(
    name="reads_memory_as_it_lies",
    title="Planted",
    paper="none",
    link="",
    domain="planted",
    builder="Planted",
    sizes={"toy": Size(arguments={}, inputs=(Input(shape=(2, 3)),), output=(4,))},
)
