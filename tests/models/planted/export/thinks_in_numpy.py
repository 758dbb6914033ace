"""A mask made in NumPy: no gradient is lost, and no graph, no other device and no other dtype can follow."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.cards import Input, ModelCard, Size

ALSO = ("bfloat16", "onnx", "sizes")


class Planted(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear1 = nn.Linear(6, 32)
        self.linear2 = nn.Linear(32, 4)

    def forward(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        mask = torch.from_numpy(x.detach().numpy() > -1)
        return self.linear2(F.relu(self.linear1(x * mask)))


CARD = ModelCard(
    name="thinks_in_numpy",
    title="Planted",
    paper="none",
    link="",
    domain="planted",
    builder="Planted",
    sizes={"toy": Size(arguments={}, inputs=(Input(shape=(6,)),), output=(4,))},
)
