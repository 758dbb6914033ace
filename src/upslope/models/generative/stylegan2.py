"""StyleGAN2: a learned constant that a style, computed from the latent vector, changes layer by layer.

T. Karras, S. Laine, M. Aittala, J. Hellsten, J. Lehtinen, T. Aila, "Analyzing and Improving the Image Quality of
StyleGAN", 2019, https://arxiv.org/abs/1912.04958, section 2, figure 7 and appendix B: configuration F.

- The latent vector is no image but a style: a mapping network of eight layers turns it into w, and each convolution of
  the generator scales its input channels by a linear function of w, and divides by what that adds in length.
- Weights start from N(0, 1) and are scaled at every use by one over the root of their inputs ("equalized"), so that
  Adam moves all layers alike; the mapping network learns a hundred times slower (`mapping_rate`).
- Every resolution adds its own part to the image (skip connections); the discriminator is residual, and sees by a
  channel more how much the images of a batch differ.
- Whatever changes the resolution is filtered by [1, 3, 3, 1], so that nothing is aliased.
- Noise is added after each convolution: drawn anew in training, fixed in evaluation, so that an image is a function of
  its latent vector. `start=7` makes images of 28 pixels, which need no border.
- Left out: path length regularization, style mixing and truncation, which belong to training and sampling.
"""

from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.blocks.generative.minibatch_deviation import minibatch_deviation
from upslope.blocks.generative.modulated_convolution import modulated_convolution
from upslope.cards import Input, ModelCard, Size

FILTER = (1.0, 3.0, 3.0, 1.0)


def kernel(x: Float[Tensor, "B C H W"], *, gain: float) -> Float[Tensor, "C 1 4 4"]:
    """The filter in both directions for each channel of x, with the sum `gain`."""
    line = x.new_tensor(FILTER)
    return (gain * torch.outer(line, line) / line.sum() ** 2).expand(x.shape[1], 1, 4, 4)


def blur(x: Float[Tensor, "B C H W"], *, padding: int, gain: float = 1.0) -> Float[Tensor, "B C H2 W2"]:
    """Each channel filtered; the map grows by twice the padding and shrinks by 3."""
    return F.conv2d(x, kernel(x, gain=gain), padding=padding, groups=x.shape[1])


def upsample(x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H2 W2"]:
    """Twice the side: a zero after each pixel, then the filter with the sum 4, which keeps the brightness."""
    return F.conv_transpose2d(x, kernel(x, gain=4.0), stride=2, padding=1, groups=x.shape[1])


def same(x: Tensor, weight: Tensor) -> Tensor:
    """A convolution that keeps the side."""
    return F.conv2d(x, weight, padding=weight.shape[-1] // 2)


def grow(x: Tensor, weight: Tensor) -> Tensor:
    """A convolution that doubles the side: transposed, then filtered."""
    return blur(F.conv_transpose2d(x, weight.transpose(0, 1), stride=2), padding=1, gain=4.0)


def activated(x: Tensor, bias: Tensor) -> Tensor:
    """Bias, leaky ReLU of slope 0.2, and a gain that keeps the variance."""
    return F.leaky_relu(x + bias.reshape(-1, *[1] * (x.ndim - 2)), 0.2) * 2**0.5


class Equalized(nn.Module):
    """A linear layer or a convolution whose weights are scaled at use; `rate` slows its learning down."""

    def __init__(self, *shape: int, rate: float = 1.0, bias: float | None = 0.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(shape) / rate)
        self.bias = None if bias is None else nn.Parameter(torch.full(shape[:1], bias / rate))
        self.rate, self.scale = rate, rate / self.weight[0].numel() ** 0.5

    def forward(self, x: Float[Tensor, "B I *S"], *, stride: int = 1, padding: int = 0) -> Float[Tensor, "B O *S2"]:
        """The sums, without the bias."""
        if self.weight.ndim == 2:
            return F.linear(x, self.weight * self.scale)
        return F.conv2d(x, self.weight * self.scale, stride=stride, padding=padding)

    def biased(self, x: Tensor) -> Tensor:
        """The sums and the bias."""
        assert self.bias is not None
        return self(x) + self.bias * self.rate

    def activated(self, x: Tensor, *, stride: int = 1, padding: int = 0) -> Tensor:
        """The sums, the bias, the nonlinearity."""
        assert self.bias is not None
        return activated(self(x, stride=stride, padding=padding), self.bias * self.rate)


class Noise(nn.Module):
    """Adds noise of a learned strength, the same in all channels."""

    fixed: Tensor

    def __init__(self, side: int) -> None:
        super().__init__()
        self.strength = nn.Parameter(torch.zeros(()))
        self.register_buffer("fixed", torch.randn(1, 1, side, side))

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        noise = torch.randn_like(x[:, :1]) if self.training else self.fixed
        return x + self.strength * noise


class Styled(nn.Module):
    """A modulated convolution with noise, bias and nonlinearity; or, with `rgb`, with a bias alone."""

    def __init__(self, width: int, out: int, *, w_dim: int, side: int, up: bool = False, rgb: bool = False) -> None:
        super().__init__()
        self.style = Equalized(width, w_dim, bias=1.0)
        size = 1 if rgb else 3
        self.weight = nn.Parameter(torch.randn(out, width, size, size))
        self.bias = nn.Parameter(torch.zeros(out))
        self.noise = None if rgb else Noise(side)
        self.up, self.scale = up, 1 / self.weight[0].numel() ** 0.5

    def forward(self, x: Float[Tensor, "B I H W"], w: Float[Tensor, "B W_dim"]) -> Float[Tensor, "B O H2 W2"]:
        convolve = grow if self.up else same
        x = modulated_convolution(
            x,
            self.weight * self.scale,
            self.style.biased(w),
            convolve=convolve,
            demodulate=self.noise is not None,
        )
        if self.noise is None:
            return x + self.bias[:, None, None]
        return activated(self.noise(x), self.bias)


class Generator(nn.Module):
    """Latent vectors, normally distributed, to images of about [-1, 1]; the side is start * 2 ** (len(widths) - 1)."""

    def __init__(
        self,
        *,
        latent_dim: int = 512,
        w_dim: int = 512,
        mapping: int = 8,
        mapping_rate: float = 0.01,
        widths: tuple[int, ...] = (512, 512, 512, 512, 512, 256, 128, 64, 32),
        start: int = 4,
        out_channels: int = 3,
    ) -> None:
        super().__init__()
        dims = [latent_dim, *[w_dim] * mapping]
        self.mapping = nn.ModuleList(Equalized(out, dim, rate=mapping_rate) for dim, out in pairwise(dims))
        self.constant = nn.Parameter(torch.randn(1, widths[0], start, start))
        self.first = Styled(widths[0], widths[0], w_dim=w_dim, side=start)
        sides = [start * 2**number for number in range(len(widths))]
        self.grow = nn.ModuleList(
            Styled(width, out, w_dim=w_dim, side=side, up=True)
            for (width, out), side in zip(pairwise(widths), sides[1:], strict=True)
        )
        self.convs = nn.ModuleList(
            Styled(out, out, w_dim=w_dim, side=side) for out, side in zip(widths[1:], sides[1:], strict=True)
        )
        self.images = nn.ModuleList(Styled(width, out_channels, w_dim=w_dim, side=0, rgb=True) for width in widths)

    def forward(self, z: Float[Tensor, "B Z"]) -> Float[Tensor, "B C H W"]:
        w = z * (z.square().mean(dim=1, keepdim=True) + 1e-8).rsqrt()
        for layer in self.mapping:
            w = layer.activated(w)  # type: ignore[operator]
        x = self.first(self.constant.expand(z.shape[0], -1, -1, -1), w)
        image = self.images[0](x, w)
        for grow_, conv, to_image in zip(self.grow, self.convs, self.images[1:], strict=True):
            x = conv(grow_(x, w), w)  # twice the side
            image = upsample(image) + to_image(x, w)
        return image


class Halving(nn.Module):
    """Two convolutions, of which the second halves the side, and a straight way of 1 x 1 beside them."""

    def __init__(self, width: int, out: int) -> None:
        super().__init__()
        self.conv, self.halve = Equalized(width, width, 3, 3), Equalized(out, width, 3, 3)
        self.skip = Equalized(out, width, 1, 1, bias=None)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C2 H2 W2"]:
        y = self.conv.activated(x, padding=1)
        y = self.halve.activated(blur(y, padding=2), stride=2)
        return (y + self.skip(blur(x, padding=1), stride=2)) * 0.5**0.5


class Discriminator(nn.Module):
    """Images of side end * 2 ** (len(widths) - 1) to one logit each: positive for "from the data".

    `group` images at a time are compared with one another; 0: the whole batch.
    """

    def __init__(
        self,
        *,
        widths: tuple[int, ...] = (32, 64, 128, 256, 512, 512, 512, 512, 512),
        end: int = 4,
        in_channels: int = 3,
        group: int = 4,
    ) -> None:
        super().__init__()
        self.group = group
        self.image = Equalized(widths[0], in_channels, 1, 1)
        self.blocks = nn.Sequential(*(Halving(width, out) for width, out in pairwise(widths)))
        last = widths[-1]
        self.conv = Equalized(last, last + 1, 3, 3)
        self.hidden = Equalized(last, last * end**2)
        self.head = Equalized(1, last)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B 1"]:
        x = self.blocks(self.image.activated(x))
        x = self.conv.activated(minibatch_deviation(x, group=self.group), padding=1)
        return self.head.biased(self.hidden.activated(x.flatten(1)))


def overfitting_loss(output: Tensor, *inputs: Tensor) -> Float[Tensor, ""]:
    """What either network can bring down on one batch: a slope down or up, by the sign of the input's first number."""
    numbers = output.flatten(1)
    slope = torch.linspace(0.5, -0.5, numbers.shape[1], device=numbers.device, dtype=numbers.dtype)
    return (numbers - inputs[0].flatten(1)[:, :1].sign() * slope).square().mean()


PUBLISHED = "hand, from the layer sizes of figure 7 and the authors' code for faces of 1024 x 1024 (configuration F)"
TOY = {"latent_dim": 8, "w_dim": 8, "mapping": 2, "widths": (12, 8), "out_channels": 1}
GREY = {"start": 7, "out_channels": 1, "widths": (64, 32, 16)}
SMALL = {"latent_dim": 64, "w_dim": 64, "mapping": 4, "mapping_rate": 1.0, **GREY}

CARD = ModelCard(
    name="stylegan2",
    title="StyleGAN2",
    paper="Karras et al. 2019",
    link="https://arxiv.org/abs/1912.04958",
    domain="generative",
    builder="Generator",
    loss="overfitting_loss",
    sizes={
        "toy": Size(
            arguments=TOY,
            inputs=(Input(shape=(8,)),),
            output=(1, 8, 8),
        ),
        "toy-discriminator": Size(
            builder="Discriminator",
            arguments={"widths": (8, 12), "end": 4, "in_channels": 1, "group": 0},
            inputs=(Input(shape=(1, 8, 8)),),
            output=(1,),
        ),
        "stylegan2": Size(
            arguments={},
            inputs=(Input(shape=(512,)),),
            output=(3, 1024, 1024),
            parameters=30_370_060,
            counted_by=PUBLISHED,
        ),
        "stylegan2-discriminator": Size(
            builder="Discriminator",
            arguments={},
            inputs=(Input(shape=(3, 1024, 1024)),),
            output=(1,),
            parameters=29_012_513,
            counted_by=PUBLISHED,
        ),
        "stylegan2-28": Size(
            arguments=SMALL,
            inputs=(Input(shape=(64,)),),
            output=(1, 28, 28),
        ),
        "stylegan2-28-discriminator": Size(
            builder="Discriminator",
            arguments={"widths": (16, 32, 64), "end": 7, "in_channels": 1},
            inputs=(Input(shape=(1, 28, 28)),),
            output=(1,),
        ),
    },
    differs_in_training=("Noise",),
    exceptions={
        "toy-discriminator/independence": "minibatch deviation: how much a batch differs is a part of each answer",
        "toy-discriminator/modes": "the discriminator adds no noise: it does the same in training",
    },
)
