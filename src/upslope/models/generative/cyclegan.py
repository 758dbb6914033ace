"""CycleGAN: a generator that keeps what is where and changes how it looks, and a discriminator of patches.

J.-Y. Zhu, T. Park, P. Isola, A. Efros, "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial
Networks", 2017, https://arxiv.org/abs/1703.10593, section 4 and appendix 7.2. The generator is that of J. Johnson et
al. 2016, https://arxiv.org/abs/1603.08155; the discriminator that of P. Isola et al. 2016 (pix2pix),
https://arxiv.org/abs/1611.07004.

- Two strided convolutions, residual blocks at a quarter of the side, two transposed convolutions: what stood at a place
  is still there when the image is rebuilt. No latent vector, no dropout.
- Instance normalization: each map of each image by itself, without anything learned and without running statistics, so
  that training and evaluation do not differ.
- The generator's edges are padded by reflection, so that no frame of zeros is seen.
- The discriminator gives a logit for each of many overlapping patches of 70 x 70 pixels (with three strided layers): it
  judges texture, and has few weights.
- Left out: U-Net as generator, the buffer of earlier fakes, the identity loss. Translating both ways takes two of each.
"""

from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.cards import Input, ModelCard, Size


def reflected(x: Float[Tensor, "B C H W"], conv: nn.Module, *, padding: int) -> Float[Tensor, "B C2 H2 W2"]:
    """A convolution of the map with its own reflection around it."""
    y: Tensor = conv(F.pad(x, (padding,) * 4, mode="reflect"))
    return y


class ResidualBlock(nn.Module):
    """Two convolutions of 3 x 3 beside a straight way, without a nonlinearity after the sum."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(width, width, 3), nn.Conv2d(width, width, 3)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        y = F.instance_norm(reflected(x, self.first, padding=1)).relu()
        return x + F.instance_norm(reflected(y, self.second, padding=1))


class Generator(nn.Module):
    """Images in [-1, 1] to images of the same size in [-1, 1]; sides are multiples of 4."""

    def __init__(self, *, in_channels: int = 3, out_channels: int = 3, width: int = 64, blocks: int = 9) -> None:
        super().__init__()
        widths = (width, 2 * width, 4 * width)
        self.stem = nn.Conv2d(in_channels, width, 7)
        self.down = nn.ModuleList(nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairwise(widths))
        self.blocks = nn.Sequential(*(ResidualBlock(widths[-1]) for _ in range(blocks)))
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(a, b, 3, stride=2, padding=1, output_padding=1) for a, b in pairwise(widths[::-1])
        )
        self.head = nn.Conv2d(width, out_channels, 7)
        self.apply(_initialize)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C2 H W"]:
        if x.shape[-1] % 4 or x.shape[-2] % 4:
            raise ValueError(f"sides are multiples of 4, got {x.shape[-2]} x {x.shape[-1]}")
        x = F.instance_norm(reflected(x, self.stem, padding=3)).relu()
        for conv in self.down:
            x = F.instance_norm(conv(x)).relu()  # half the side
        x = self.blocks(x)
        for conv in self.up:
            x = F.instance_norm(conv(x)).relu()  # twice the side
        return reflected(x, self.head, padding=3).tanh()


class Discriminator(nn.Module):
    """Images to a logit for each patch: positive for "of this kind". `strided` layers of stride 2: 3 see 70 x 70."""

    def __init__(self, *, in_channels: int = 3, width: int = 64, strided: int = 3) -> None:
        super().__init__()
        widths = [min(2**number, 8) * width for number in range(strided + 1)]
        self.convs = nn.ModuleList(
            nn.Conv2d(before, after, 4, stride=2 if number < strided else 1, padding=1)
            for number, (before, after) in enumerate(pairwise((in_channels, *widths)))
        )
        self.head = nn.Conv2d(widths[-1], 1, 4, padding=1)
        self.apply(_initialize)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B 1 H2 W2"]:
        for number, conv in enumerate(self.convs):
            x = conv(x)
            x = F.leaky_relu(F.instance_norm(x) if number else x, 0.2)
        return self.head(x)


def _initialize(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, std=0.02)
        assert module.bias is not None
        nn.init.zeros_(module.bias)


def overfitting_loss(output: Tensor, *inputs: Tensor) -> Float[Tensor, ""]:
    """What either network can bring down on one batch: the input turned around, or a number by its first sign."""
    image = inputs[0]
    target = -image.tanh() if output.shape == image.shape else 0.5 * image[:, :1, :1, :1].sign()
    return (output - target).square().mean()


PUBLISHED = "hand, from the kernels and widths of appendix 7.2: products of sizes, and a bias a channel"

CARD = ModelCard(
    name="cyclegan",
    title="CycleGAN",
    paper="Zhu et al. 2017",
    link="https://arxiv.org/abs/1703.10593",
    domain="generative",
    builder="Generator",
    loss="overfitting_loss",
    sizes={
        "toy": Size(
            arguments={"in_channels": 1, "out_channels": 1, "width": 4, "blocks": 1},
            inputs=(Input(shape=(1, 12, 12)),),
            output=(1, 12, 12),
        ),
        "toy-discriminator": Size(
            builder="Discriminator",
            arguments={"in_channels": 1, "width": 8, "strided": 1},
            inputs=(Input(shape=(1, 12, 12)),),
            output=(1, 4, 4),
        ),
        "cyclegan": Size(
            arguments={},
            inputs=(Input(shape=(3, 256, 256)),),
            output=(3, 256, 256),
            parameters=11_378_179,
            counted_by=PUBLISHED,
        ),
        "cyclegan-discriminator": Size(
            builder="Discriminator",
            arguments={},
            inputs=(Input(shape=(3, 256, 256)),),
            output=(1, 30, 30),
            parameters=2_764_737,
            counted_by=PUBLISHED,
        ),
        "cyclegan28": Size(
            arguments={"in_channels": 1, "out_channels": 1, "width": 16, "blocks": 3},
            inputs=(Input(shape=(1, 28, 28)),),
            output=(1, 28, 28),
        ),
        "cyclegan28-discriminator": Size(
            builder="Discriminator",
            arguments={"in_channels": 1, "width": 24, "strided": 1},
            inputs=(Input(shape=(1, 28, 28)),),
            output=(1, 12, 12),
        ),
    },
)
