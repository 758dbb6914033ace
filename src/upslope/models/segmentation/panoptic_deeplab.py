"""Panoptic-DeepLab: what each pixel is, and where the middle of its thing lies, by two decoders over one trunk.

B. Cheng et al., "Panoptic-DeepLab: A Simple, Strong, and Fast Baseline for Bottom-Up Panoptic Segmentation", 2019,
https://arxiv.org/abs/1911.10194, section 3.

- Dual pyramids and dual decoders (figure 2): classes need other surroundings than places do.
- A decoder goes up in two steps; at each it reads finer maps of the trunk through few channels (section 3.1).
- Decoders and heads are made of depthwise separable convolutions of 5x5.
- Three heads: a logit for each class; the heatmap of centers; for each pixel the way to its center, down and across.
- `pool=False` leaves the pooling in front out, so that all maps are twice as fine: for small pictures.
- Left out: the Xception trunks, and the decoder's own weights for each of several scales in testing.

What the maps mean together is worked out by `upslope.blocks.panoptic_merge`.
"""

from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.blocks.dilation import AtrousPyramid, dilate, to_size
from upslope.cards import Input, ModelCard, Size
from upslope.models.vision.resnet import ResNet


class Trunk(nn.Module):
    """A ResNet's maps behind each stage; the last stage halves nothing and looks farther instead."""

    def __init__(self, network: ResNet, *, pool: bool) -> None:
        super().__init__()
        self.conv1, self.norm1, self.stages = network.conv1, network.norm1, network.stages
        self.pool = network.pool if pool else nn.Identity()
        dilate(self.stages[-1], first=1, others=2)

    def forward(self, x: Float[Tensor, "B C H W"]) -> list[Tensor]:
        x = self.pool(F.relu(self.norm1(self.conv1(x))))
        maps = []
        for stage in self.stages.children():
            x = stage(x)
            maps.append(x)
        return maps


class Separable(nn.Sequential):
    """One 5x5 filter for each channel, then 1x1 over all of them; each with batch norm and ReLU."""

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__(
            nn.Conv2d(in_channels, in_channels, 5, padding=2, groups=in_channels, bias=False),
            nn.BatchNorm2d(in_channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(in_channels, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
        )


class Decoder(nn.Module):
    """A pyramid over the coarsest maps, and a step up to each finer one, which comes through a few channels."""

    def __init__(
        self,
        trunk: tuple[int, ...],
        *,
        pyramid: int,
        rates: tuple[int, ...],
        finer: tuple[int, ...],
        channels: int,
        dropout: float,
    ) -> None:
        """`trunk`: channels of the trunk's maps; `finer`: how many of those of each finer map are left, from below."""
        super().__init__()
        self.pyramid = AtrousPyramid(trunk[-1], pyramid, rates=rates, dropout=dropout)
        self.project, self.fuse = nn.ModuleList(), nn.ModuleList()
        before = pyramid
        # The last two maps are equally coarse, so the first finer one stands before them.
        for there, width in zip(trunk[-3::-1], finer, strict=False):
            conv = nn.Conv2d(there, width, 1, bias=False)
            self.project.append(nn.Sequential(conv, nn.BatchNorm2d(width), nn.ReLU(inplace=True)))
            self.fuse.append(Separable(before + width, channels))
            before = channels

    def forward(self, maps: list[Tensor]) -> Float[Tensor, "B D h w"]:
        x = self.pyramid(maps[-1])
        for finer, project, fuse in zip(maps[-3::-1], self.project, self.fuse, strict=False):
            x = fuse(torch.cat([to_size(x, finer), project(finer)], dim=1))
        return x


class PanopticDeepLab(nn.Module):
    """Pictures (B, 3, H, W) to `classes` (B, K, H, W), `centers` (B, H, W) and `offsets` (B, 2, H, W), in pixels."""

    def __init__(
        self,
        *,
        block: Literal["basic", "bottleneck"] = "bottleneck",
        depths: tuple[int, ...] = (3, 4, 6, 3),
        widths: tuple[int, ...] = (64, 128, 256, 512),
        pool: bool = True,
        in_channels: int = 3,
        rates: tuple[int, ...] = (6, 12, 18),
        pyramid: int = 256,
        semantic: int = 256,
        instance: int = 128,
        semantic_finer: tuple[int, ...] = (64, 32),
        instance_finer: tuple[int, ...] = (32, 16),
        head: int = 32,
        dropout: float = 0.1,
        num_classes: int = 19,
    ) -> None:
        """`semantic` and `instance`: channels of the decoders; `head`: of the two heads of the second one."""
        super().__init__()
        network = ResNet(block=block, depths=depths, widths=widths, in_channels=in_channels, num_classes=1)
        self.trunk = Trunk(network, pool=pool)
        maps = tuple((4 if block == "bottleneck" else 1) * width for width in widths)
        how: dict[str, Any] = {"pyramid": pyramid, "rates": rates, "dropout": dropout}
        self.semantic = Decoder(maps, finer=semantic_finer, channels=semantic, **how)
        self.instance = Decoder(maps, finer=instance_finer, channels=instance, **how)
        self.classes = nn.Sequential(Separable(semantic, semantic), nn.Conv2d(semantic, num_classes, 1))
        self.centers = nn.Sequential(Separable(instance, head), nn.Conv2d(head, 1, 1))
        self.offsets = nn.Sequential(Separable(instance, head), nn.Conv2d(head, 2, 1))
        # Depthwise convolutions learn about three times as fast if a pixel's channels lie side by side.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, x: Float[Tensor, "B C H W"]) -> dict[str, Float[Tensor, "B ..."]]:
        maps = self.trunk(x)
        kinds, places = self.semantic(maps), self.instance(maps)
        return {
            "classes": to_size(self.classes(kinds), x),
            "centers": to_size(self.centers(places), x)[:, 0],
            "offsets": to_size(self.offsets(places), x),
        }


def loss(outputs: dict[str, Float[Tensor, "B ..."]], x: Float[Tensor, "B C H W"]) -> Float[Tensor, ""]:
    """Every pixel of the first class, no center, and no way to go: for the contract checks."""
    classes = F.cross_entropy(outputs["classes"], torch.zeros_like(outputs["centers"], dtype=torch.long))
    return classes + outputs["centers"].square().mean() + outputs["offsets"].square().mean()


TOY = {
    "block": "basic",
    "depths": (1, 1, 1),
    "widths": (6, 8, 8),
    "pool": False,
    "rates": (1, 2),
    "pyramid": 6,
    "semantic": 6,
    "instance": 6,
    "semantic_finer": (4,),
    "instance_finer": (4,),
    "head": 6,
    "num_classes": 4,
}
SMALL = {
    "block": "basic",
    "depths": (1, 2, 2, 1),
    "widths": (24, 48, 96, 128),
    "pool": False,
    "in_channels": 1,
    "rates": (2, 4),
    "pyramid": 48,
    "semantic": 64,
    "instance": 48,
    "semantic_finer": (32, 24),
    "instance_finer": (24, 16),
    "head": 32,
    "num_classes": 13,
}
CARD = ModelCard(
    name="panoptic-deeplab",
    title="Panoptic-DeepLab",
    paper="Cheng et al. 2019",
    link="https://arxiv.org/abs/1911.10194",
    domain="segmentation",
    builder="PanopticDeepLab",
    sizes={
        "toy": Size(
            arguments=TOY,
            inputs=(Input(shape=(3, 32, 32)),),
            outputs={"classes": (4, 32, 32), "centers": (32, 32), "offsets": (2, 32, 32)},
        ),
        "panoptic-deeplab-small": Size(
            arguments=SMALL,
            inputs=(Input(shape=(1, 80, 80)),),
            outputs={"classes": (13, 80, 80), "centers": (80, 80), "offsets": (2, 80, 80)},
            parameters=960_488,
            counted_by="hand: 650,520 in the trunk's convolutions, 149,160 and 143,560 in those of the decoders, "
            "12,096 in those of the heads, 5,136 in norms, 16 biases",
        ),
        "panoptic-deeplab-r50": Size(
            arguments={},
            inputs=(Input(shape=(3, 512, 1024)),),
            outputs={"classes": (19, 512, 1024), "centers": (512, 1024), "offsets": (2, 512, 1024)},
            parameters=54_973_702,
            counted_by="hand: 23,454,912 in the trunk's convolutions, 15,743,840 and 15,618,608 in those of the "
            "decoders; the paper counts none with this trunk",
        ),
    },
    differs_in_training=("BatchNorm2d", "Dropout"),
    loss="loss",
)
