"""Latent diffusion from text, as Stable Diffusion: a text encoder, a U-Net that reads it, an autoencoder around both.

R. Rombach, A. Blattmann, D. Lorenz, P. Esser, B. Ommer, "High-Resolution Image Synthesis with Latent Diffusion Models",
2021, https://arxiv.org/abs/2112.10752, figure 3.

- Only the U-Net learns to take noise away; encoder and autoencoder are trained before it, and frozen.
- Latents are divided by their standard deviation, so that they and the noise are equally large (appendix G).
- Without an autoencoder the pixels themselves are the latents.
- Left out: the safety checker of the published program.
"""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from upslope.cards import Input, ModelCard, Size
from upslope.models.generative.autoencoder_kl import AutoencoderKL
from upslope.models.generative.clip_text import CLIPText
from upslope.models.generative.stable_diffusion import UNet


class TextToImage(nn.Module):
    """Noisy latents, the step of each and the tokens of its prompt, to the noise that is in them.

    `text`, `unet` and `autoencoder` are the arguments of the three parts. The buffer `scale` is what latents are
    multiplied by.
    """

    scale: Tensor

    def __init__(
        self, *, text: dict[str, Any], unet: dict[str, Any], autoencoder: dict[str, Any] | None = None
    ) -> None:
        super().__init__()
        self.text = CLIPText(**text)
        self.unet = UNet(**unet)
        self.autoencoder = AutoencoderKL(**autoencoder) if autoencoder is not None else None
        self.register_buffer("scale", torch.ones(()))

    def forward(
        self, x: Float[Tensor, "B C H W"], step: Int[Tensor, " B"], tokens: Int[Tensor, "B T"]
    ) -> Float[Tensor, "B C H W"]:
        return self.unet(x, step, self.text(tokens))

    @torch.no_grad()
    def encode(self, images: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B C h w"]:
        """The latents of images in [-1, 1]: the means, divided by the standard deviation of all."""
        if self.autoencoder is None:
            return images
        mean, _ = self.autoencoder.encode(images)
        return mean * self.scale

    @torch.no_grad()
    def decode(self, x: Float[Tensor, "B C h w"]) -> Float[Tensor, "B 3 H W"]:
        """The images of latents, pixels about in [-1, 1]."""
        return x if self.autoencoder is None else self.autoencoder.decode(x / self.scale)


def overfitting_loss(predicted: Tensor, x: Tensor, *_: Tensor) -> Float[Tensor, ""]:
    """How far a prediction is from the noise where an input is noise and nothing else, as at the last step."""
    return (predicted - x).square().mean()


STEP = Input(shape=(), dtype="int64", high=1000)
# Five colours, fourteen things, "a", "left" and "of"; a token that begins a text, and one that ends it.
TEXT = {"vocab_size": 24, "context": 10, "dim": 64, "depth": 2, "heads": 4}
SMALL = {"widths": (32, 40), "blocks": 1, "attention": (1,), "heads": 4, "context_dim": 64, "groups": 8}
CARD = ModelCard(
    name="text_to_image",
    title="Latent diffusion from text",
    paper="Rombach et al. 2021",
    link="https://arxiv.org/abs/2112.10752",
    domain="generative",
    builder="TextToImage",
    loss="overfitting_loss",
    sizes={
        "toy": Size(
            arguments={
                "text": {"vocab_size": 12, "context": 5, "dim": 8, "depth": 1, "heads": 2},
                "unet": {
                    "channels": 3,
                    "widths": (8, 12),
                    "blocks": 1,
                    "attention": (0, 1),
                    "heads": 2,
                    "context_dim": 8,
                    "groups": 4,
                },
            },
            inputs=(Input(shape=(3, 8, 8)), STEP, Input((5,), "int64", high=12)),
            output=(3, 8, 8),
        ),
        "prompt16": Size(
            arguments={"text": TEXT, "unet": {**SMALL, "channels": 3, "patch": 2}},
            inputs=(Input(shape=(3, 16, 16)), STEP, Input((10,), "int64", high=24)),
            output=(3, 16, 16),
            parameters=600_756,
            counted_by="hand: 102,272 in the text encoder, 498,484 in the U-Net",
        ),
        "prompt32": Size(
            arguments={
                "text": TEXT,
                "unet": {**SMALL, "channels": 4},
                "autoencoder": {"widths": (32, 48), "blocks": 1, "latent": 4, "groups": 8, "patch": 2},
            },
            inputs=(Input(shape=(4, 8, 8)), STEP, Input((10,), "int64", high=24)),
            output=(4, 8, 8),
            parameters=1_006_668,
            counted_by="hand: 102,272 in the text encoder, 493,868 in the U-Net, 410,528 in the autoencoder",
        ),
        "stable-diffusion-1.5": Size(
            arguments={"text": {}, "unet": {}, "autoencoder": {}},
            inputs=(Input(shape=(4, 64, 64)), STEP, Input((77,), "int64", high=49_408)),
            output=(4, 64, 64),
            parameters=1_066_235_307,
            counted_by="diffusers and transformers: 859,520,964 + 123,060,480 + 83,653,863",
        ),
    },
)
