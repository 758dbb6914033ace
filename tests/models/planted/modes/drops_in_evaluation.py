"""Dropout that never ends, because `training=True` stands in the call."""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.cards import Input, ModelCard, Size

ALSO = ("independence", "export", "onnx")


class Planted(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear1 = nn.Linear(6, 32)
        self.linear2 = nn.Linear(32, 4)

    def forward(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        return self.linear2(F.dropout(F.relu(self.linear1(x)), 0.2, training=True))


CARD = ModelCard(
    name="drops_in_evaluation",
    title="Planted",
    paper="none",
    link="",
    domain="planted",
    builder="Planted",
    sizes={"toy": Size(arguments={}, inputs=(Input(shape=(6,)),), output=(4,))},
)
