"""DCGAN, a generator and a discriminator made of strided convolutions.

A. Radford, L. Metz, S. Chintala, "Unsupervised Representation Learning with Deep Convolutional Generative Adversarial
Networks", 2015, https://arxiv.org/abs/1511.06434, section 3 and figure 1.

- No pooling: the generator doubles the side by transposed convolutions, the discriminator halves it by strided ones.
- No fully connected hidden layers: the latent vector becomes the first feature map, the last one becomes a logit.
- Batch normalization everywhere but at the generator's output and the discriminator's input.
- ReLU and tanh in the generator, leaky ReLU of slope 0.2 in the discriminator; weights start from N(0, 0.02).
- Kernels are 4 x 4, as in the authors' published code (figure 1 draws 5 x 5). `normalization="spectral"` divides the
  discriminator's weights by their largest singular value instead (T. Miyato et al. 2018,
  https://arxiv.org/abs/1802.05957, section 2), so that real and generated images need not share a batch's statistics.
- Left out: the classifier on the discriminator's features (section 5), the walks in latent space (section 6).
"""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from upslope.cards import Input, ModelCard, Size


class Generator(nn.Module):
    """Latent vectors, normally distributed, to images in [-1, 1] whose side is start * 2 ** len(widths)."""

    def __init__(
        self,
        *,
        latent_dim: int = 100,
        widths: tuple[int, ...] = (512, 256, 128, 64),
        start: int = 4,
        out_channels: int = 3,
    ) -> None:
        super().__init__()
        self.project = nn.ConvTranspose2d(latent_dim, widths[0], start, bias=False)
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in widths)
        self.convs = nn.ModuleList(
            nn.ConvTranspose2d(width, following, 4, stride=2, padding=1, bias=False)
            for width, following in zip(widths, (*widths[1:], out_channels), strict=True)
        )
        self.apply(_initialize)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, z: Float[Tensor, "B Z"]) -> Float[Tensor, "B C H W"]:
        x = self.project(z[:, :, None, None])  # (B, widths[0], start, start)
        for norm, conv in zip(self.norms, self.convs, strict=True):
            x = conv(norm(x).relu())  # twice the side
        return x.tanh()


class Discriminator(nn.Module):
    """Images of side end * 2 ** len(widths) to one logit each: positive for "from the data"."""

    def __init__(
        self,
        *,
        widths: tuple[int, ...] = (64, 128, 256, 512),
        end: int = 4,
        in_channels: int = 3,
        normalization: Literal["batch", "spectral", "none"] = "batch",
    ) -> None:
        super().__init__()
        convs = [
            nn.Conv2d(width, following, 4, stride=2, padding=1, bias=False)
            for width, following in zip((in_channels, *widths), widths, strict=False)
        ]
        self.norms = nn.ModuleList(
            nn.BatchNorm2d(width) if number > 0 and normalization == "batch" else nn.Identity()
            for number, width in enumerate(widths)
        )
        self.convs = nn.ModuleList(convs)
        self.head = nn.Conv2d(widths[-1], 1, end, bias=False)
        self.apply(_initialize)
        if normalization == "spectral":
            for layer in (*convs, self.head):
                spectral_norm(layer)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B 1"]:
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = nn.functional.leaky_relu(norm(conv(x)), 0.2)  # half the side
        return self.head(x).flatten(1)


def _initialize(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, std=0.02)
    if isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, mean=1.0, std=0.02)


def overfitting_loss(output: Tensor, *inputs: Tensor) -> Float[Tensor, ""]:
    """What either network can bring down on one batch: a slope down or up, by the sign of the input's first number."""
    numbers = output.flatten(1)
    slope = torch.linspace(0.5, -0.5, numbers.shape[1], device=numbers.device, dtype=numbers.dtype)
    return (numbers - inputs[0].flatten(1)[:, :1].sign() * slope).square().mean()


PUBLISHED = "hand, from the layer sizes of the authors' code: its kernels, and two numbers a channel for each norm"

CARD = ModelCard(
    name="dcgan",
    title="Deep Convolutional GAN",
    paper="Radford, Metz and Chintala 2015",
    link="https://arxiv.org/abs/1511.06434",
    domain="generative",
    builder="Generator",
    loss="overfitting_loss",
    sizes={
        "toy": Size(
            arguments={"latent_dim": 8, "widths": (16, 8), "start": 2, "out_channels": 1},
            inputs=(Input(shape=(8,)),),
            output=(1, 8, 8),
        ),
        "toy-discriminator": Size(
            builder="Discriminator",
            arguments={"widths": (8, 16), "end": 2, "in_channels": 1},
            inputs=(Input(shape=(1, 8, 8)),),
            output=(1,),
        ),
        "dcgan": Size(
            arguments={},
            inputs=(Input(shape=(100,)),),
            output=(3, 64, 64),
            parameters=3_576_704,
            counted_by=PUBLISHED,
        ),
        "dcgan-discriminator": Size(
            builder="Discriminator",
            arguments={},
            inputs=(Input(shape=(3, 64, 64)),),
            output=(1,),
            parameters=2_765_568,
            counted_by=PUBLISHED,
        ),
        "dcgan28": Size(
            arguments={"latent_dim": 100, "widths": (64, 32), "start": 7, "out_channels": 1},
            inputs=(Input(shape=(100,)),),
            output=(1, 28, 28),
            parameters=347_072,
            counted_by="hand: 100 * 64 * 49 + 64 * 32 * 16 + 32 * 16 + 2 * (64 + 32)",
        ),
        "dcgan28-discriminator": Size(
            builder="Discriminator",
            arguments={"widths": (32, 64), "end": 7, "in_channels": 1, "normalization": "none"},
            inputs=(Input(shape=(1, 28, 28)),),
            output=(1,),
            parameters=36_416,
            counted_by="hand: 32 * 16 + 32 * 64 * 16 + 64 * 49",
        ),
    },
    differs_in_training=("BatchNorm2d",),
)
