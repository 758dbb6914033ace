"""Weights drawn from the system's randomness: no two are alike under one seed."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.cards import Input, ModelCard, Size


class Planted(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear1 = nn.Linear(6, 32)
        self.linear2 = nn.Linear(32, 4)
        drawn = np.random.default_rng().standard_normal((4, 32)) * 0.1
        self.linear2.weight = nn.Parameter(
            torch.as_tensor(drawn, dtype=torch.float32, device=self.linear2.weight.device)
        )

    def forward(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        return self.linear2(F.relu(self.linear1(x)))


CARD = ModelCard(
    name="weights_of_its_own",
    title="Planted",
    paper="none",
    link="",
    domain="planted",
    builder="Planted",
    sizes={"toy": Size(arguments={}, inputs=(Input(shape=(6,)),), output=(4,))},
)
