"""A branch that Python's own generator drops in training, so rarely that outputs hardly ever show it."""

import random

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
        x = F.relu(self.linear1(x))
        if self.training and random.random() < 1e-9:
            x = 0 * x
        return self.linear2(x)


CARD = ModelCard(
    name="asks_python",
    title="Planted",
    paper="none",
    link="",
    domain="planted",
    builder="Planted",
    sizes={"toy": Size(arguments={}, inputs=(Input(shape=(6,)),), output=(4,))},
)
