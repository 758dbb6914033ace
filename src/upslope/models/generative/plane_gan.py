"""A generator and a discriminator of points in a plane: small enough to see all that they do.

I. Goodfellow et al., "Generative Adversarial Networks", 2014, https://arxiv.org/abs/1406.2661, with the networks of
experiments on mixtures of Gaussians (L. Metz et al., "Unrolled GANs", 2016, https://arxiv.org/abs/1611.02163).

- Fully connected layers; ReLU in the generator, leaky ReLU of slope 0.2 in the discriminator.
- Two tricks change the discriminator: `spectral` divides each weight matrix by its largest singular value (T. Miyato
  et al. 2018, https://arxiv.org/abs/1802.05957), `group` compares so many points of a batch with one another.
"""

from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from upslope.blocks.generative.minibatch_deviation import minibatch_deviation
from upslope.cards import Input, ModelCard, Size


class Generator(nn.Module):
    """Latent vectors, normally distributed, to points."""

    def __init__(self, *, latent_dim: int = 2, hidden: tuple[int, ...] = (64, 64, 64), dim: int = 2) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(*size) for size in pairwise((latent_dim, *hidden, dim)))

    def forward(self, z: Float[Tensor, "B Z"]) -> Float[Tensor, "B D"]:
        for layer in self.layers[:-1]:
            z = layer(z).relu()
        return self.layers[-1](z)


class Discriminator(nn.Module):
    """Points to one logit each: positive for "from the data". `group` 0: each point is looked at alone."""

    def __init__(
        self, *, dim: int = 2, hidden: tuple[int, ...] = (64, 64, 64), spectral: bool = False, group: int = 0
    ) -> None:
        super().__init__()
        layers = [nn.Linear(*size) for size in pairwise((dim, *hidden))]
        head = nn.Linear(hidden[-1] + (group > 0), 1)
        self.layers = nn.ModuleList(map(spectral_norm, layers) if spectral else layers)
        self.head = spectral_norm(head) if spectral else head
        self.group = group

    def forward(self, x: Float[Tensor, "B D"]) -> Float[Tensor, "B 1"]:
        for layer in self.layers:
            x = nn.functional.leaky_relu(layer(x), 0.2)
        return self.head(minibatch_deviation(x, group=self.group) if self.group else x)


def overfitting_loss(output: Tensor, *inputs: Tensor) -> Float[Tensor, ""]:
    """What either network can bring down on one batch: a slope down or up, by the sign of the input's first number."""
    slope = torch.linspace(0.5, -0.5, output.shape[1], device=output.device, dtype=output.dtype)
    return (output - inputs[0][:, :1].sign() * slope).square().mean()


CARD = ModelCard(
    name="plane-gan",
    title="A GAN of points in a plane",
    paper="Goodfellow et al. 2014",
    link="https://arxiv.org/abs/1406.2661",
    domain="generative",
    builder="Generator",
    loss="overfitting_loss",
    sizes={
        "toy": Size(arguments={"hidden": (16, 16)}, inputs=(Input(shape=(2,)),), output=(2,)),
        "toy-discriminator": Size(
            builder="Discriminator", arguments={"hidden": (16, 16)}, inputs=(Input(shape=(2,)),), output=(1,)
        ),
        "plane": Size(
            arguments={},
            inputs=(Input(shape=(2,)),),
            output=(2,),
            parameters=8_642,
            counted_by="hand: 3 * 64 + 2 * 65 * 64 + 65 * 2",
        ),
        "plane-discriminator": Size(
            builder="Discriminator",
            arguments={},
            inputs=(Input(shape=(2,)),),
            output=(1,),
            parameters=8_577,
            counted_by="hand: 3 * 64 + 2 * 65 * 64 + 65",
        ),
    },
)
