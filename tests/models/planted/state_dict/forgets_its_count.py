"""A count of the steps that starts again whenever a state is loaded."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.cards import Input, ModelCard, Size

ALSO = ("safetensors",)


def forget(module: nn.Module, keys: object) -> None:
    module.steps.zero_()


class Planted(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear1 = nn.Linear(6, 32)
        self.linear2 = nn.Linear(32, 4)
        self.register_buffer("steps", torch.zeros(1))
        self.register_load_state_dict_post_hook(forget)

    def forward(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        if self.training:
            self.steps += 1
        return self.linear2(F.relu(self.linear1(x)))


CARD = ModelCard(
    name="forgets_its_count",
    title="Planted",
    paper="none",
    link="",
    domain="planted",
    builder="Planted",
    sizes={"toy": Size(arguments={}, inputs=(Input(shape=(6,)),), output=(4,))},
)
