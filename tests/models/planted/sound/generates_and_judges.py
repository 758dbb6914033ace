"""A generator and a discriminator in one file, each under contract."""

from jaxtyping import Float
from torch import Tensor, nn

from upslope.cards import Input, ModelCard, Size


class Generator(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, 32), nn.Tanh(), nn.Linear(32, 6))

    def forward(self, z: Float[Tensor, "batch 3"]) -> Float[Tensor, "batch 6"]:
        return self.layers(z)


class Discriminator(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(6, 32), nn.Tanh(), nn.Linear(32, 1))

    def forward(self, x: Float[Tensor, "batch 6"]) -> Float[Tensor, " batch"]:
        return self.layers(x).squeeze(1)


def judged(scores: Tensor, x: Tensor) -> Tensor:
    return (scores - x[:, 0].sign()).square().mean()


CARD = ModelCard(
    name="generates_and_judges",
    title="Planted",
    paper="none",
    link="",
    domain="planted",
    builder="Generator",
    sizes={
        "toy": Size(arguments={}, inputs=(Input(shape=(3,)),), output=(6,)),
        "toy-discriminator": Size(
            arguments={}, inputs=(Input(shape=(6,)),), output=(), builder="Discriminator", loss="judged"
        ),
    },
)
