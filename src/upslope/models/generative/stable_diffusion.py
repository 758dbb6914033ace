"""The U-Net of Stable Diffusion: which noise is in this latent, at this step, if it shows what the prompt says?

R. Rombach, A. Blattmann, D. Lorenz, P. Esser, B. Ommer, "High-Resolution Image Synthesis with Latent Diffusion Models",
2021, https://arxiv.org/abs/2112.10752, section 3.3 and appendix E.2.1.

- The U-Net of DDPM, in which every residual block is followed by a transformer block: places look at each other, and
  at the words of a prompt by cross-attention. The lowest resolution has none.
- A prompt is a row of states, one for each token, from a text encoder that is not trained here.
- The embedding of the step holds cosines first; its frequencies end just above 1 / 10,000.
- `context_dim=0` leaves cross-attention out: such a network never hears the prompt.
- `patch` folds squares of pixels into channels first, for small machines, as in `ddpm`.
- Left out: sampling (`upslope.blocks.samplers`), and what version 2 changed.
"""

from collections.abc import Iterable
from typing import cast

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.blocks.generative.image_blocks import ResidualBlock
from upslope.blocks.generative.prompted_transformer import PromptedTransformer
from upslope.blocks.generative.time_embedding import time_embedding
from upslope.cards import File, Input, ModelCard, Size, Weights


class Level(nn.Module):
    """Residual blocks at one resolution, transformer blocks behind some of them, and what leads to the next one."""

    def __init__(
        self, residual: list[nn.Module], attention: list[nn.Module], *, resize: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.residual, self.attention = nn.ModuleList(residual), nn.ModuleList(attention)
        self.resize = resize

    def block(self, number: int, h: Tensor, embedding: Tensor, context: Tensor) -> Tensor:
        """Through one residual block and what is behind it."""
        h = self.residual[number](h, embedding)
        return self.attention[number](h, context) if number < len(self.attention) else h


class UNet(nn.Module):
    """Noisy latents, the step of each and the states of its prompt, to the noise that is in them.

    `widths` are the channels of each resolution, every one half of the one before; `attention` are the numbers of those
    that read the prompt.
    """

    def __init__(
        self,
        *,
        channels: int = 4,
        widths: tuple[int, ...] = (320, 640, 1280, 1280),
        blocks: int = 2,
        attention: tuple[int, ...] = (0, 1, 2),
        heads: int = 8,
        context_dim: int = 768,
        groups: int = 32,
        patch: int = 1,
    ) -> None:
        super().__init__()
        self.patch, self.factor, self.width = patch, patch * 2 ** (len(widths) - 1), widths[0]
        inner, embedding, depth = channels * patch**2, 4 * widths[0], len(widths)
        self.time = nn.Sequential(nn.Linear(widths[0], embedding), nn.SiLU(), nn.Linear(embedding, embedding))

        def residual(before: int, after: int) -> nn.Module:
            return ResidualBlock(before, after, groups=groups, embedding=embedding, eps=1e-5)

        def transformers(width: int, count: int) -> list[nn.Module]:
            return [
                PromptedTransformer(width, context_dim=context_dim, heads=heads, groups=groups) for _ in range(count)
            ]

        self.first = nn.Conv2d(inner, widths[0], 3, padding=1)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        now, across = widths[0], [widths[0]]
        for number, width in enumerate(widths):
            chain = [residual(now if each == 0 else width, width) for each in range(blocks)]
            shrink = nn.Conv2d(width, width, 3, stride=2, padding=1) if number < depth - 1 else None
            readers = transformers(width, blocks if number in attention else 0)
            self.down.append(Level(chain, readers, resize=shrink))
            across += [width] * (blocks + (shrink is not None))
            now = width
        self.mid = Level([residual(now, now), residual(now, now)], transformers(now, 1))
        for number, width in reversed(list(enumerate(widths))):
            chain = [residual((now if each == 0 else width) + across.pop(), width) for each in range(blocks + 1)]
            grow = nn.Conv2d(width, width, 3, padding=1) if number else None
            readers = transformers(width, blocks + 1 if number in attention else 0)
            self.up.append(Level(chain, readers, resize=grow))
            now = width
        self.norm = nn.GroupNorm(groups, now, eps=1e-5)
        self.last = nn.Conv2d(now, inner, 3, padding=1)
        for parameter in self.last.parameters():
            nn.init.zeros_(parameter)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(
        self, x: Float[Tensor, "B C H W"], step: Int[Tensor, " B"], context: Float[Tensor, "B S E"]
    ) -> Float[Tensor, "B C H W"]:
        if x.shape[2] % self.factor or x.shape[3] % self.factor:
            raise ValueError(f"latents of {x.shape[2]} x {x.shape[3]}: {self.factor} must divide both sides")
        embedding = self.time(self.told(step).to(x.dtype))
        h = self.first(F.pixel_unshuffle(x, self.patch))
        across = [h]
        for level in cast("Iterable[Level]", self.down):
            for number in range(len(level.residual)):
                h = level.block(number, h, embedding, context)
                across.append(h)
            if level.resize is not None:
                h = level.resize(h)  # half the side
                across.append(h)
        h = self.mid.block(0, h, embedding, context)
        h = self.mid.block(1, h, embedding, context)
        for level in cast("Iterable[Level]", self.up):
            for number in range(len(level.residual)):
                h = level.block(number, torch.cat([h, across.pop()], dim=1), embedding, context)
            if level.resize is not None:
                h = level.resize(F.interpolate(h, scale_factor=2.0, mode="nearest"))  # twice the side
        return F.pixel_shuffle(self.last(F.silu(self.norm(h))), self.patch)

    def told(self, step: Int[Tensor, " B"]) -> Float[Tensor, "B D"]:
        """Cosines, then sines: f_i = 10,000 ** (-i / half), which `time_embedding` reaches by another slowest one."""
        half = self.width // 2
        sines, cosines = time_embedding(step, self.width, longest=10_000 ** ((half - 1) / half)).chunk(2, dim=1)
        return torch.cat([cosines, sines], dim=1)


def overfitting_loss(predicted: Tensor, x: Tensor, *_: Tensor) -> Float[Tensor, ""]:
    """How far a prediction is from the noise where an input is noise and nothing else, as at the last step."""
    return (predicted - x).square().mean()


DIFFUSERS = (  # its keys, and ours
    (r"conv_in\.(.+)", r"first.\1"),
    (r"time_embedding\.linear_1\.(.+)", r"time.0.\1"),
    (r"time_embedding\.linear_2\.(.+)", r"time.2.\1"),
    (r"conv_norm_out\.(.+)", r"norm.\1"),
    (r"conv_out\.(.+)", r"last.\1"),
    (r"(down|up|mid)_block(?:s(\.\d))?\.resnets\.(\d)\.time_emb_proj\.(.+)", r"\1\2.residual.\3.time.\4"),
    (r"(down|up|mid)_block(?:s(\.\d))?\.resnets\.(\d)\.conv_shortcut\.(.+)", r"\1\2.residual.\3.shortcut.\4"),
    (r"(down|up|mid)_block(?:s(\.\d))?\.resnets\.(\d)\.(.+)", r"\1\2.residual.\3.\4"),
    (r"(down|up)_blocks\.(\d)\.(?:down|up)samplers\.0\.conv\.(.+)", r"\1.\2.resize.\3"),
    (r"(down|up|mid)_block(?:s(\.\d))?\.attentions\.(\d)\.norm\.(.+)", r"\1\2.attention.\3.norm.\4"),
    (r"(down|up|mid)_block(?:s(\.\d))?\.attentions\.(\d)\.proj_in\.(.+)", r"\1\2.attention.\3.enter.\4"),
    (r"(down|up|mid)_block(?:s(\.\d))?\.attentions\.(\d)\.proj_out\.(.+)", r"\1\2.attention.\3.leave.\4"),
    (r"(down|up|mid)_block(?:s(\.\d))?\.attentions\.(\d)\.\w+\.0\.(norm\d)\.(.+)", r"\1\2.attention.\3.\4.\5"),
    (r"(down|up|mid)_block(?:s(\.\d))?\.attentions\.(\d)\..+\.net\.0\.proj\.(.+)", r"\1\2.attention.\3.mlp.up.\4"),
    (r"(down|up|mid)_block(?:s(\.\d))?\.attentions\.(\d)\..+\.net\.2\.(.+)", r"\1\2.attention.\3.mlp.down.\4"),
    (r"(down|up|mid)_block(?:s(\.\d))?\.attentions\.(\d)\..+\.attn1\.to_q\.(.+)", r"\1\2.attention.\3.attention.q.\4"),
    (
        r"(down|up|mid)_block(?:s(\.\d))?\.attentions\.(\d)\..+\.attn1\.to_k\.(.+)",
        r"\1\2.attention.\3.attention.kv.\4[1/2]",
    ),
    (
        r"(down|up|mid)_block(?:s(\.\d))?\.attentions\.(\d)\..+\.attn1\.to_v\.(.+)",
        r"\1\2.attention.\3.attention.kv.\4[2/2]",
    ),
    (
        r"(down|up|mid)_block(?:s(\.\d))?\.attentions\.(\d)\..+\.attn1\.to_out\.0\.(.+)",
        r"\1\2.attention.\3.attention.projection.\4",
    ),
    (r"(down|up|mid)_block(?:s(\.\d))?\.attentions\.(\d)\..+\.attn2\.to_q\.(.+)", r"\1\2.attention.\3.cross.q.\4"),
    (
        r"(down|up|mid)_block(?:s(\.\d))?\.attentions\.(\d)\..+\.attn2\.to_k\.(.+)",
        r"\1\2.attention.\3.cross.kv.\4[1/2]",
    ),
    (
        r"(down|up|mid)_block(?:s(\.\d))?\.attentions\.(\d)\..+\.attn2\.to_v\.(.+)",
        r"\1\2.attention.\3.cross.kv.\4[2/2]",
    ),
    (
        r"(down|up|mid)_block(?:s(\.\d))?\.attentions\.(\d)\..+\.attn2\.to_out\.0\.(.+)",
        r"\1\2.attention.\3.cross.projection.\4",
    ),
)

STEP = Input(shape=(), dtype="int64", high=1000)
CARD = ModelCard(
    name="stable_diffusion",
    title="U-Net of Stable Diffusion",
    paper="Rombach et al. 2021",
    link="https://arxiv.org/abs/2112.10752",
    domain="generative",
    builder="UNet",
    loss="overfitting_loss",
    sizes={
        "toy": Size(
            arguments={
                "widths": (8, 12),
                "blocks": 1,
                "attention": (0,),
                "heads": 2,
                "context_dim": 6,
                "groups": 4,
            },
            inputs=(Input(shape=(4, 8, 8)), STEP, Input(shape=(5, 6))),
            output=(4, 8, 8),
        ),
        "stable-diffusion-1.5-unet": Size(
            arguments={},
            inputs=(Input(shape=(4, 64, 64)), STEP, Input(shape=(77, 768))),
            output=(4, 64, 64),
            parameters=859_520_964,
            counted_by="diffusers, UNet2DConditionModel of stable-diffusion-v1-5",
            weights=(
                Weights(
                    publisher="diffusers",
                    file=File(
                        name="stable-diffusion-v1-5-unet.safetensors",
                        sha256="19da7aaa4b880e59d56843f1fcb4dd9b599c28a1d9d9af7c1143057c8ffae9f1",
                        size=3_438_167_540,
                        urls=(
                            "https://huggingface.co/stable-diffusion-v1-5/stable-diffusion-v1-5/resolve/main/unet/diffusion_pytorch_model.safetensors",
                        ),
                    ),
                    keys=DIFFUSERS,
                    licence="CreativeML OpenRAIL-M",
                    note="stable-diffusion-v1-5/stable-diffusion-v1-5",
                ),
            ),
        ),
    },
)
