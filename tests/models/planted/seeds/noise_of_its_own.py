"""Noise in training from a generator that no seed reaches."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.cards import Input, ModelCard, Size


class Noise(nn.Module):
    def forward(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        if not self.training:
            return x
        return x + torch.from_numpy(np.random.default_rng().standard_normal(x.shape)).to(x) * 0.1


class Planted(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear1 = nn.Linear(6, 32)
        self.linear2 = nn.Linear(32, 4)
        self.noise = Noise()

    def forward(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        return self.linear2(self.noise(F.relu(self.linear1(x))))


CARD = ModelCard(
    name="noise_of_its_own",
    title="Planted",
    paper="none",
    link="",
    domain="planted",
    builder="Planted",
    sizes={"toy": Size(arguments={}, inputs=(Input(shape=(6,)),), output=(4,))},
    differs_in_training=("Noise",),
)
