"""The autoencoder of Stable Diffusion: images to latents an eighth as large on each side, and back.

R. Rombach, A. Blattmann, D. Lorenz, P. Esser, B. Ommer, "High-Resolution Image Synthesis with Latent Diffusion Models",
2021, https://arxiv.org/abs/2112.10752, section 3.1 and appendix G; its parts after P. Esser et al. 2020,
https://arxiv.org/abs/2012.09841.

- A variational autoencoder whose latents are maps: each place has a Gaussian of its own. The weight of KL is tiny, so
  latents keep nearly everything, and diffusion, which works on them, has 48 times fewer numbers to make.
- Residual blocks with group normalization; attention over all places in the middle of both halves.
- In evaluation the latent is the Gaussian's mean, unless noise is given.
- `patch` folds squares of pixels into channels first, for small machines, as in `ddpm`.
- Left out: the perceptual loss and the discriminator that it was trained with; tiles for large images.
"""

import itertools
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.blocks.generative.image_blocks import PlaceAttention, ResidualBlock
from upslope.blocks.generative.variational import gaussian_kl, reparameterize
from upslope.cards import File, Input, ModelCard, Size, Weights

LOWEST, HIGHEST = -30.0, 20.0  # of the log-variance: its exponential stays a number


class AutoencoderOutput(NamedTuple):
    """What one pass gives."""

    reconstruction: Float[Tensor, "B C H W"]
    mean: Float[Tensor, "B L h w"]  # of q(z|x)
    log_variance: Float[Tensor, "B L h w"]


class Level(nn.Module):
    """Residual blocks at one resolution, and a convolution that leads to the next one, half or twice as large."""

    def __init__(
        self, channels: int, out: int, *, blocks: int, groups: int, resize: nn.Module | None, up: bool = False
    ) -> None:
        super().__init__()
        widths = [channels, *[out] * blocks]
        self.residual = nn.ModuleList(
            ResidualBlock(before, after, groups=groups) for before, after in itertools.pairwise(widths)
        )
        self.resize, self.up = resize, up

    def forward(self, h: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D h w"]:
        for block in self.residual:
            h = block(h)
        if self.resize is None:
            return h
        return self.resize(F.interpolate(h, scale_factor=2.0, mode="nearest") if self.up else F.pad(h, (0, 1, 0, 1)))


class Middle(nn.Sequential):
    """A residual block, attention over all places, and another residual block."""

    def __init__(self, channels: int, *, groups: int) -> None:
        super().__init__(
            ResidualBlock(channels, channels, groups=groups),
            PlaceAttention(channels, groups=groups),
            ResidualBlock(channels, channels, groups=groups),
        )


class Encoder(nn.Module):
    """Images to the mean and the log-variance of each place, joined as channels."""

    def __init__(self, channels: int, *, widths: tuple[int, ...], blocks: int, latent: int, groups: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, widths[0], 3, padding=1)
        self.levels = nn.ModuleList()
        for number, (before, width) in enumerate(zip((widths[0], *widths), widths, strict=False)):
            last = number == len(widths) - 1
            shrink = None if last else nn.Conv2d(width, width, 3, stride=2)
            self.levels.append(Level(before, width, blocks=blocks, groups=groups, resize=shrink))
        self.middle = Middle(widths[-1], groups=groups)
        self.norm = nn.GroupNorm(groups, widths[-1], eps=1e-6)
        self.last = nn.Conv2d(widths[-1], 2 * latent, 3, padding=1)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B M h w"]:
        h = self.first(x)
        for level in self.levels:
            h = level(h)
        return self.last(F.silu(self.norm(self.middle(h))))


class Decoder(nn.Module):
    """Latents to images; one block more at each resolution than in the encoder."""

    def __init__(self, channels: int, *, widths: tuple[int, ...], blocks: int, latent: int, groups: int) -> None:
        super().__init__()
        upwards = widths[::-1]
        self.first = nn.Conv2d(latent, upwards[0], 3, padding=1)
        self.middle = Middle(upwards[0], groups=groups)
        self.levels = nn.ModuleList()
        for number, (before, width) in enumerate(zip((upwards[0], *upwards), upwards, strict=False)):
            last = number == len(upwards) - 1
            grow = None if last else nn.Conv2d(width, width, 3, padding=1)
            self.levels.append(Level(before, width, blocks=blocks + 1, groups=groups, resize=grow, up=True))
        self.norm = nn.GroupNorm(groups, widths[0], eps=1e-6)
        self.last = nn.Conv2d(widths[0], channels, 3, padding=1)

    def forward(self, z: Float[Tensor, "B L h w"]) -> Float[Tensor, "B C H W"]:
        h = self.middle(self.first(z))
        for level in self.levels:
            h = level(h)
        return self.last(F.silu(self.norm(h)))


class AutoencoderKL(nn.Module):
    """Images with pixels in [-1, 1] to latents and back; each of `widths` but the first halves the sides."""

    def __init__(
        self,
        *,
        channels: int = 3,
        widths: tuple[int, ...] = (128, 256, 512, 512),
        blocks: int = 2,
        latent: int = 4,
        groups: int = 32,
        patch: int = 1,
    ) -> None:
        super().__init__()
        self.patch, self.latent, self.factor = patch, latent, patch * 2 ** (len(widths) - 1)
        inner = channels * patch**2
        self.encoder = Encoder(inner, widths=widths, blocks=blocks, latent=latent, groups=groups)
        self.to_moments = nn.Conv2d(2 * latent, 2 * latent, 1)
        self.from_latent = nn.Conv2d(latent, latent, 1)
        self.decoder = Decoder(inner, widths=widths, blocks=blocks, latent=latent, groups=groups)

    def encode(self, x: Float[Tensor, "B C H W"]) -> tuple[Float[Tensor, "B L h w"], Float[Tensor, "B L h w"]]:
        """The mean and the logarithm of the variance of q(z|x)."""
        if x.shape[2] % self.factor or x.shape[3] % self.factor:
            raise ValueError(f"images of {x.shape[2]} x {x.shape[3]}: {self.factor} must divide both sides")
        mean, log_variance = self.to_moments(self.encoder(F.pixel_unshuffle(x, self.patch))).chunk(2, dim=1)
        return mean, log_variance.clamp(LOWEST, HIGHEST)

    def decode(self, z: Float[Tensor, "B L h w"]) -> Float[Tensor, "B C H W"]:
        """Images, pixels about in [-1, 1]."""
        return F.pixel_shuffle(self.decoder(self.from_latent(z)), self.patch)

    def forward(
        self, x: Float[Tensor, "B C H W"], *, noise: Float[Tensor, "B L h w"] | None = None
    ) -> AutoencoderOutput:
        """Through one sample of q(z|x), by `noise` where it is given, or in evaluation through the mean."""
        mean, log_variance = self.encode(x)
        if noise is None and self.training:
            noise = torch.randn_like(mean)
        z = mean if noise is None else reparameterize(mean, log_variance, noise)
        return AutoencoderOutput(self.decode(z), mean, log_variance)


def reconstruction_loss(outputs: AutoencoderOutput, x: Float[Tensor, "B C H W"]) -> Float[Tensor, ""]:
    """The mean absolute error of pixels, and 1e-6 times the KL divergence of a latent's number (appendix G)."""
    divergence = gaussian_kl(outputs.mean.flatten(1), outputs.log_variance.flatten(1)).mean() / outputs.mean[0].numel()
    return F.l1_loss(outputs.reconstruction, x) + 1e-6 * divergence


DIFFUSERS = (  # its keys, and ours; files of 2022 name the four layers of attention otherwise
    (r"(\w+coder)\.conv_in\.(.+)", r"\1.first.\2"),
    (r"(\w+coder)\.conv_norm_out\.(.+)", r"\1.norm.\2"),
    (r"(\w+coder)\.conv_out\.(.+)", r"\1.last.\2"),
    (
        r"(\w+coder)\.(?:down|up)_blocks\.(\d)\.resnets\.(\d)\.conv_shortcut\.(.+)",
        r"\1.levels.\2.residual.\3.shortcut.\4",
    ),
    (r"(\w+coder)\.(?:down|up)_blocks\.(\d)\.resnets\.(\d)\.(.+)", r"\1.levels.\2.residual.\3.\4"),
    (r"(\w+coder)\.(?:down|up)_blocks\.(\d)\.(?:down|up)samplers\.0\.conv\.(.+)", r"\1.levels.\2.resize.\3"),
    (r"(\w+coder)\.mid_block\.resnets\.0\.(.+)", r"\1.middle.0.\2"),
    (r"(\w+coder)\.mid_block\.resnets\.1\.(.+)", r"\1.middle.2.\2"),
    (r"(\w+coder)\.mid_block\.attentions\.0\.group_norm\.(.+)", r"\1.middle.1.norm.\2"),
    (r"(\w+coder)\.mid_block\.attentions\.0\.(?:to_q|query)\.(.+)", r"\1.middle.1.qkv.\2[1/3]"),
    (r"(\w+coder)\.mid_block\.attentions\.0\.(?:to_k|key)\.(.+)", r"\1.middle.1.qkv.\2[2/3]"),
    (r"(\w+coder)\.mid_block\.attentions\.0\.(?:to_v|value)\.(.+)", r"\1.middle.1.qkv.\2[3/3]"),
    (r"(\w+coder)\.mid_block\.attentions\.0\.(?:to_out\.0|proj_attn)\.(.+)", r"\1.middle.1.projection.\2"),
    (r"quant_conv\.(.+)", r"to_moments.\1"),
    (r"post_quant_conv\.(.+)", r"from_latent.\1"),
)

CARD = ModelCard(
    name="autoencoder_kl",
    title="Autoencoder of latent diffusion",
    paper="Rombach et al. 2021",
    link="https://arxiv.org/abs/2112.10752",
    domain="generative",
    builder="AutoencoderKL",
    loss="reconstruction_loss",
    sizes={
        "toy": Size(
            arguments={"widths": (8, 12), "blocks": 1, "latent": 4, "groups": 4},
            inputs=(Input(shape=(3, 8, 8)),),
            outputs={"reconstruction": (3, 8, 8), "mean": (4, 4, 4), "log_variance": (4, 4, 4)},
        ),
        "autoencoder32": Size(
            arguments={"widths": (32, 48), "blocks": 1, "latent": 4, "groups": 8, "patch": 2},
            inputs=(Input(shape=(3, 32, 32)),),
            outputs={"reconstruction": (3, 32, 32), "mean": (4, 8, 8), "log_variance": (4, 8, 8)},
            parameters=410_528,
            counted_by="hand: 164,344 in the encoder, 246,092 in the decoder, 92 between them",
        ),
        "stable-diffusion-1.5-autoencoder": Size(
            arguments={},
            inputs=(Input(shape=(3, 512, 512)),),
            outputs={"reconstruction": (3, 512, 512), "mean": (4, 64, 64), "log_variance": (4, 64, 64)},
            parameters=83_653_863,
            counted_by="diffusers, AutoencoderKL of stable-diffusion-v1-5",
            weights=(
                Weights(
                    publisher="diffusers",
                    file=File(
                        name="stable-diffusion-v1-5-vae.safetensors",
                        sha256="a2b5134f4dbc140d9c11f11cba3233099e00af40f262f136c691fb7d38d2194c",
                        size=334_643_276,
                        urls=(
                            "https://huggingface.co/stable-diffusion-v1-5/stable-diffusion-v1-5/resolve/main/vae/diffusion_pytorch_model.safetensors",
                        ),
                    ),
                    keys=DIFFUSERS,
                    licence="CreativeML OpenRAIL-M",
                    note="stable-diffusion-v1-5/stable-diffusion-v1-5",
                ),
            ),
        ),
    },
    differs_in_training=("AutoencoderKL",),
)
