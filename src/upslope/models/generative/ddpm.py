"""The U-Net of DDPM: which noise is in this image, at this step of the diffusion?

J. Ho, A. Jain, P. Abbeel, "Denoising Diffusion Probabilistic Models", 2020, https://arxiv.org/abs/2006.11239, appendix
B; its parts after T. Salimans et al., "PixelCNN++", 2017, https://arxiv.org/abs/1701.05517.

- Residual blocks with group normalization; each is told the step by a vector that is added between its convolutions.
- Self-attention over all places at one resolution (16 x 16 in the paper), and always in the middle.
- What each block and each strided convolution makes on the way down is joined, newest first, on the way up.
- The last convolution begins at 0, so that a fresh network predicts 0 everywhere.
- `classes` adds an embedding of the class to that of the step, as P. Dhariwal and A. Nichol 2021,
  https://arxiv.org/abs/2105.05233, section 3.1, do. One more row means "no class": what guidance asks about.
- `patch` folds squares of pixels into channels first, for small machines: E. Hoogeboom et al. 2023,
  https://arxiv.org/abs/2301.11093, section 3.2.
- Left out: learned variances, several heads, sampling (`upslope.blocks.samplers`).
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.blocks.attention import scaled_dot_product_attention
from upslope.blocks.generative.time_embedding import time_embedding
from upslope.cards import Input, ModelCard, Size


class ResidualBlock(nn.Module):
    """Two convolutions around a skip connection; between them the embedding of the step is added to each channel."""

    def __init__(self, channels: int, out: int, *, embedding: int, groups: int, dropout: float) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, channels, eps=1e-6)
        self.conv1 = nn.Conv2d(channels, out, 3, padding=1)
        self.time = nn.Linear(embedding, out)
        self.norm2 = nn.GroupNorm(groups, out, eps=1e-6)
        self.dropout = nn.Dropout(dropout)
        self.conv2 = nn.Conv2d(out, out, 3, padding=1)
        self.shortcut = nn.Conv2d(channels, out, 1) if channels != out else nn.Identity()

    def forward(self, x: Float[Tensor, "B C H W"], embedding: Float[Tensor, "B E"]) -> Float[Tensor, "B D H W"]:
        h = self.conv1(F.silu(self.norm1(x))) + self.time(F.silu(embedding))[:, :, None, None]
        return self.shortcut(x) + self.conv2(self.dropout(F.silu(self.norm2(h))))


class Attention(nn.Module):
    """Every place looks at every other one, with one head; added to what was there."""

    def __init__(self, channels: int, *, groups: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(groups, channels, eps=1e-6)
        self.qkv = nn.Linear(channels, 3 * channels)
        self.projection = nn.Linear(channels, channels)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        q, k, v = self.qkv(self.norm(x).flatten(2).transpose(1, 2)).chunk(3, dim=-1)  # (B, H W, C) each
        gathered = self.projection(scaled_dot_product_attention(q, k, v))
        return x + gathered.transpose(1, 2).unflatten(2, x.shape[2:])


class UNet(nn.Module):
    """Noisy images, the step of each and perhaps its class, to the noise that is in them.

    `widths` are the channels of each resolution, every one half of the one before; `attention` are the numbers of those
    that attend. Attributes: `classes`, and `no_class`, the label that stands for none.
    """

    def __init__(
        self,
        *,
        channels: int = 3,
        widths: tuple[int, ...] = (128, 256, 256, 256),
        blocks: int = 2,
        attention: tuple[int, ...] = (1,),
        groups: int = 32,
        dropout: float = 0.1,
        classes: int = 0,
        patch: int = 1,
    ) -> None:
        super().__init__()
        self.classes, self.no_class, self.patch, self.factor = classes, classes, patch, patch * 2 ** (len(widths) - 1)
        inner, embedding = channels * patch**2, 4 * widths[0]
        self.width = widths[0]
        self.time = nn.Sequential(nn.Linear(widths[0], embedding), nn.SiLU(), nn.Linear(embedding, embedding))
        self.label = nn.Embedding(classes + 1, embedding) if classes else None

        def block(before: int, after: int, level: int) -> nn.ModuleList:
            """A residual block, and the attention behind it where this level has one."""
            parts = nn.ModuleList([ResidualBlock(before, after, embedding=embedding, groups=groups, dropout=dropout)])
            return parts.append(Attention(after, groups=groups)) if level in attention else parts

        self.first = nn.Conv2d(inner, widths[0], 3, padding=1)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        self.shrink, self.grow = nn.ModuleList(), nn.ModuleList()
        now, across = widths[0], [widths[0]]
        for level, width in enumerate(widths):
            for _ in range(blocks):
                self.down.append(block(now, width, level))
                now = width
                across.append(now)
            if level < len(widths) - 1:
                self.shrink.append(nn.Conv2d(now, now, 3, stride=2))
                across.append(now)
        self.middle = nn.ModuleList([*block(now, now, -1), Attention(now, groups=groups), *block(now, now, -1)])
        for level, width in reversed(list(enumerate(widths))):
            for _ in range(blocks + 1):
                self.up.append(block(now + across.pop(), width, level))
                now = width
            if level:
                self.grow.append(nn.Conv2d(now, now, 3, padding=1))
        self.blocks = blocks
        self.norm = nn.GroupNorm(groups, now, eps=1e-6)
        self.last = nn.Conv2d(now, inner, 3, padding=1)
        for parameter in self.last.parameters():
            nn.init.zeros_(parameter)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(
        self, x: Float[Tensor, "B C H W"], step: Int[Tensor, " B"], label: Int[Tensor, " B"] | None = None
    ) -> Float[Tensor, "B C H W"]:
        """`label` in 0 .. classes - 1, or `no_class`; networks without classes are given none."""
        if x.shape[2] % self.factor or x.shape[3] % self.factor:
            raise ValueError(f"images of {x.shape[2]} x {x.shape[3]}: {self.factor} must divide both sides")
        if (label is None) != (self.label is None):
            raise ValueError(f"a network of {self.classes} classes, and {'no' if label is None else 'a'} label")
        embedding = self.time(time_embedding(step, self.width).to(x.dtype))
        if self.label is not None:
            embedding = embedding + self.label(label)
        h = self.first(F.pixel_unshuffle(x, self.patch))
        across = [h]
        for number, parts in enumerate(self.down):
            h = _through(parts, h, embedding)
            across.append(h)
            level, within = divmod(number + 1, self.blocks)
            if not within and level <= len(self.shrink):
                h = self.shrink[level - 1](F.pad(h, (0, 1, 0, 1)))  # half the side
                across.append(h)
        h = _through(self.middle, h, embedding)
        for number, parts in enumerate(self.up):
            h = _through(parts, torch.cat([h, across.pop()], dim=1), embedding)
            level, within = divmod(number + 1, self.blocks + 1)
            if not within and level <= len(self.grow):
                h = self.grow[level - 1](F.interpolate(h, scale_factor=2.0, mode="nearest"))  # twice the side
        return F.pixel_shuffle(self.last(F.silu(self.norm(h))), self.patch)


def _through(parts: nn.Module, h: Tensor, embedding: Tensor) -> Tensor:
    for part in parts.children():
        h = part(h, embedding) if isinstance(part, ResidualBlock) else part(h)
    return h


def overfitting_loss(predicted: Tensor, x: Tensor, *_: Tensor) -> Float[Tensor, ""]:
    """How far a prediction is from the noise where an input is noise and nothing else, as at the last step."""
    return (predicted - x).square().mean()


STEP = Input(shape=(), dtype="int64", high=1000)
COUNTED = "the authors' published weights, google/ddpm-cifar10-32 and google/ddpm-celebahq-256"

CARD = ModelCard(
    name="ddpm",
    title="Denoising diffusion U-Net",
    paper="Ho, Jain and Abbeel 2020",
    link="https://arxiv.org/abs/2006.11239",
    domain="generative",
    builder="UNet",
    loss="overfitting_loss",
    sizes={
        "toy": Size(
            arguments={
                "channels": 1,
                "widths": (8, 12),
                "blocks": 1,
                "attention": (1,),
                "groups": 4,
                "classes": 3,
            },
            inputs=(Input(shape=(1, 8, 8)), STEP, Input(shape=(), dtype="int64", high=4)),
            output=(1, 8, 8),
        ),
        "ddpm28": Size(
            arguments={
                "channels": 1,
                "widths": (28, 32),
                "blocks": 1,
                "attention": (1,),
                "groups": 4,
                "dropout": 0.0,
                "classes": 10,
                "patch": 2,
            },
            inputs=(Input(shape=(1, 28, 28)), STEP, Input(shape=(), dtype="int64", high=11)),
            output=(1, 28, 28),
            parameters=256_000,
            counted_by="hand: 17,136 tell the step and the class, 2,104 + 50,824 + 48,768 + 137,168 lead down and up",
        ),
        "ddpm-cifar10": Size(
            arguments={"widths": (128, 256, 256, 256), "attention": (1,)},
            inputs=(Input(shape=(3, 32, 32)), STEP),
            output=(3, 32, 32),
            parameters=35_746_307,
            counted_by=COUNTED,
        ),
        "ddpm-celebahq": Size(
            arguments={"widths": (128, 128, 256, 256, 512, 512), "attention": (4,), "dropout": 0.0},
            inputs=(Input(shape=(3, 256, 256)), STEP),
            output=(3, 256, 256),
            parameters=113_673_219,
            counted_by=COUNTED,
        ),
    },
    differs_in_training=("Dropout",),
)
