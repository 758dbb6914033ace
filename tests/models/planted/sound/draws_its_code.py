"""A plain variational autoencoder: three outputs, and a code that is drawn in evaluation as well."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.cards import Input, ModelCard, Size

Three = tuple[Float[Tensor, "batch 12"], Float[Tensor, "batch 3"], Float[Tensor, "batch 3"]]


class Planted(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Linear(12, 32)
        self.mean = nn.Linear(32, 3)
        self.logvar = nn.Linear(32, 3)
        self.decoder = nn.Sequential(nn.Linear(3, 32), nn.Tanh(), nn.Linear(32, 12))

    def forward(self, x: Float[Tensor, "batch 12"]) -> Three:
        h = self.encoder(x).tanh()
        mean, logvar = self.mean(h), self.logvar(h)
        z = mean + (0.5 * logvar).exp() * torch.randn_like(mean)
        return self.decoder(z), mean, logvar


def loss(outputs: tuple[Tensor, Tensor, Tensor], x: Tensor) -> Tensor:
    logits, mean, logvar = outputs
    divergence = 0.5 * (mean.square() + logvar.exp() - 1 - logvar).sum(dim=1).mean()
    return F.binary_cross_entropy_with_logits(logits, (x > 0.5).float()) + 1e-4 * divergence


CARD = ModelCard(
    name="draws_its_code",
    title="Planted",
    paper="none",
    link="",
    domain="planted",
    builder="Planted",
    sizes={
        "toy": Size(
            arguments={},
            inputs=(Input(shape=(12,), high=1),),
            outputs={"reconstruction": (12,), "mean": (3,), "logvar": (3,)},
        )
    },
    loss="loss",
    random_in_evaluation=True,
)
