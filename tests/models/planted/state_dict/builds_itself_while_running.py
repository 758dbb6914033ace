"""A layer that is made in the first call: a fresh network has no place for its weights."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.cards import Input, ModelCard, Size

ALSO = ("safetensors",)


class Planted(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear1 = nn.Linear(6, 32)
        self.linear2 = nn.Linear(32, 4)

    def forward(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        if not hasattr(self, "scale"):
            self.scale = nn.Parameter(torch.ones(4, device=x.device, dtype=x.dtype))
        return self.linear2(F.relu(self.linear1(x))) * self.scale


CARD = ModelCard(
    name="builds_itself_while_running",
    title="Planted",
    paper="none",
    link="",
    domain="planted",
    builder="Planted",
    sizes={"toy": Size(arguments={}, inputs=(Input(shape=(6,)),), output=(4,))},
)
