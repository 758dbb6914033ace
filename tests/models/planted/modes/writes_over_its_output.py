"""One piece of memory for all outputs: the second call changes what the first one gave."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.cards import Input, ModelCard, Size

ALSO = ("export",)


class Planted(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear1 = nn.Linear(6, 32)
        self.linear2 = nn.Linear(32, 4)
        self.register_buffer("place", torch.zeros(0), persistent=False)

    def forward(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        out = self.linear2(F.relu(self.linear1(x)))
        if torch.is_grad_enabled() or self.place.shape != out.shape:
            self.place = torch.empty_like(out)
        return self.place.copy_(out)


CARD = ModelCard(
    name="writes_over_its_output",
    title="Planted",
    paper="none",
    link="",
    domain="planted",
    builder="Planted",
    sizes={"toy": Size(arguments={}, inputs=(Input(shape=(6,)),), output=(4,))},
)
