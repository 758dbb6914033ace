"""Inception-v3: large filters taken apart into small ones, and into long and thin ones.

C. Szegedy, V. Vanhoucke, S. Ioffe, J. Shlens, Z. Wojna, "Rethinking the Inception Architecture for Computer Vision",
2015, https://arxiv.org/abs/1512.00567, table 1 and figures 5, 6, 7 and 10; the widths of branches, which the paper does
not list, are those of the authors' published weights.

- Two 3x3 convolutions in place of one 5x5 (figure 5); 1x7 and 7x1 in place of one 7x7 (figure 6); at the end 1x3 and
  3x1 side by side (figure 7).
- Maps are halved by convolutions and a pooling side by side, so that nothing is squeezed before (figure 10).
- Batch norm behind every convolution. `auxiliary=True`: in training one classifier reads the last 17 x 17 maps
  (section 4). Then the network gives a dict of "logits" and "aux", whose loss counts `auxiliary_weights` beside that
  of the logits. In evaluation it gives the logits, and the other is not computed.
- `counts_padding`: whether averages at the edge of a map count the zeros around it. In TensorFlow, where the network
  was trained, they do not; torchvision's copy of the weights is used with averages that do.
- Left out: label smoothing (section 7) and RMSProp, which belong to training. Keras' copy has no factors in batch norm.
"""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from upslope.blocks.inception import ConvRelu
from upslope.blocks.initialization import he_normal_
from upslope.blocks.pooling import global_average_pool
from upslope.cards import File, Input, ModelCard, Size, Weights

# The name of a block, the figure that it is built after, and the one width in which blocks of a figure differ.
Kind = Literal["5", "10", "6", "10+", "7"]
TABLE: tuple[tuple[str, Kind, int], ...] = (
    ("5b", "5", 32),
    ("5c", "5", 64),
    ("5d", "5", 64),
    ("6a", "10", 384),
    ("6b", "6", 128),
    ("6c", "6", 160),
    ("6d", "6", 160),
    ("6e", "6", 192),
    ("7a", "10+", 320),
    ("7b", "7", 320),
    ("7c", "7", 320),
)
AUXILIARIES = {"aux": 0.4}  # what leaves in training only, and what its loss counts: the authors' own weight
# A convolution: channels, kernel, and whether the map stays, loses its edge, or is halved and loses it.
Step = tuple[int, int | tuple[int, int], Literal["same", "valid", "half"]]


class Branches(nn.Module):
    """Branches over the same maps, joined along the channels."""

    def __init__(self, **branches: nn.Module) -> None:
        super().__init__()
        for name, branch in branches.items():
            self.add_module(name, branch)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D h w"]:
        return torch.cat([branch(x) for branch in self.children()], dim=1)


class Builder:
    """Makes the parts of a network whose widths are all multiplied by the same number, and knows what they give."""

    def __init__(self, *, width: float, counts_padding: bool) -> None:
        self.width, self.counts_padding = width, counts_padding

    def scaled(self, channels: int) -> int:
        return max(1, round(channels * self.width))

    def chain(self, channels: int, *steps: Step, first: int = 1) -> nn.Sequential:
        """Convolutions one behind the other, named by their numbers."""
        made = nn.Sequential()
        for number, (wide, kernel, edge) in enumerate(steps, first):
            sides = kernel if isinstance(kernel, tuple) else (kernel, kernel)
            padding = (sides[0] // 2, sides[1] // 2) if edge == "same" else 0
            stride = 2 if edge == "half" else 1
            conv = ConvRelu(channels, self.scaled(wide), sides, stride=stride, padding=padding, norm=True)
            made.add_module(str(number), conv)
            channels = self.scaled(wide)
        return made

    def pooled(self, channels: int, wide: int) -> nn.Sequential:
        """Averages over 3x3, then a 1x1 convolution."""
        pool = nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=self.counts_padding)
        return nn.Sequential(pool, *self.chain(channels, (wide, 1, "same")))

    def forked(self, channels: int, *steps: Step) -> nn.Sequential:
        """Convolutions one behind the other, and at the end 1x3 and 3x1 side by side."""
        trunk, last = self.chain(channels, *steps), self.scaled(steps[-1][0])
        fork = Branches(a=self.chain(last, (384, (1, 3), "same"))[0], b=self.chain(last, (384, (3, 1), "same"))[0])
        trunk.add_module(str(len(steps) + 1), fork)
        return trunk

    def block(self, kind: Kind, channels: int, wide: int) -> tuple[nn.Module, int]:
        """A block, and how many channels it gives."""
        c, chain = channels, self.chain
        if kind == "5":
            block = Branches(
                branch1x1=chain(c, (64, 1, "same")),
                branch5x5=chain(c, (48, 1, "same"), (64, 5, "same")),
                branch3x3dbl=chain(c, (64, 1, "same"), (96, 3, "same"), (96, 3, "same")),
                branch_pool=self.pooled(c, wide),
            )
            return block, self.scaled(64) * 2 + self.scaled(96) + self.scaled(wide)
        if kind == "10":
            block = Branches(
                branch3x3=chain(c, (wide, 3, "half")),
                branch3x3dbl=chain(c, (64, 1, "same"), (96, 3, "same"), (96, 3, "half")),
                branch_pool=nn.MaxPool2d(3, stride=2),
            )
            return block, self.scaled(wide) + self.scaled(96) + c
        if kind == "6":
            across: Step = (wide, (1, 7), "same")
            down: Step = (wide, (7, 1), "same")
            block = Branches(
                branch1x1=chain(c, (192, 1, "same")),
                branch7x7=chain(c, (wide, 1, "same"), across, (192, (7, 1), "same")),
                branch7x7dbl=chain(c, (wide, 1, "same"), down, across, down, (192, (1, 7), "same")),
                branch_pool=self.pooled(c, 192),
            )
            return block, self.scaled(192) * 4
        if kind == "10+":
            thin: tuple[Step, ...] = ((192, (1, 7), "same"), (192, (7, 1), "same"))
            block = Branches(
                branch3x3=chain(c, (192, 1, "same"), (wide, 3, "half")),
                branch7x7x3=chain(c, (192, 1, "same"), *thin, (192, 3, "half")),
                branch_pool=nn.MaxPool2d(3, stride=2),
            )
            return block, self.scaled(wide) + self.scaled(192) + c
        block = Branches(
            branch1x1=chain(c, (wide, 1, "same")),
            branch3x3=self.forked(c, (384, 1, "same")),
            branch3x3dbl=self.forked(c, (448, 1, "same"), (384, 3, "same")),
            branch_pool=self.pooled(c, 192),
        )
        return block, self.scaled(wide) + self.scaled(384) * 4 + self.scaled(192)


class Auxiliary(nn.Module):
    """A classifier over the maps in the middle: averages, two convolutions, and the average of each map."""

    def __init__(self, channels: int, num_classes: int, *, widths: tuple[int, int], kernels: tuple[int, int]) -> None:
        super().__init__()
        self.pool = nn.AvgPool2d(kernels[0], stride=3)
        self.conv0 = ConvRelu(channels, widths[0], 1, norm=True)
        self.conv1 = ConvRelu(widths[0], widths[1], kernels[1], norm=True)
        self.fc = nn.Linear(widths[1], num_classes)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B K"]:
        return self.fc(global_average_pool(self.conv1(self.conv0(self.pool(x)))))


class InceptionV3(nn.Module):
    """Pictures (B, in_channels, H, W) to scores (B, num_classes), and in training to those of the auxiliary."""

    def __init__(
        self,
        *,
        blocks: tuple[tuple[str, Kind, int], ...] = TABLE,
        width: float = 1.0,
        stem: Literal["imagenet", "small"] = "imagenet",
        auxiliary: bool = False,
        auxiliary_kernels: tuple[int, int] = (5, 5),
        counts_padding: bool = False,
        dropout: float = 0.5,
        in_channels: int = 3,
        num_classes: int = 1000,
    ) -> None:
        """`width` multiplies all channels. The small stem is two 3x3 convolutions, the second with a stride of 2."""
        super().__init__()
        self.auxiliary_weights = dict(AUXILIARIES) if auxiliary else {}
        build = Builder(width=width, counts_padding=counts_padding)
        if stem == "small":
            self.stem = build.chain(in_channels, (32, 3, "same"), (64, 3, "half"))
            channels = build.scaled(64)
        else:
            self.stem = build.chain(in_channels, (32, 3, "half"), (32, 3, "valid"), (64, 3, "same"))
            self.stem.add_module("pool1", nn.MaxPool2d(3, stride=2))
            more = build.chain(build.scaled(64), (80, 1, "same"), (192, 3, "valid"), first=4)
            for name, module in (*more.named_children(), ("pool2", nn.MaxPool2d(3, stride=2))):
                self.stem.add_module(name, module)
            channels = build.scaled(192)
        self.blocks = nn.ModuleDict()
        self.aux: Auxiliary | None = None
        self.read = [name for name, kind, _ in blocks if kind == "6"][-1:]  # the block whose maps the auxiliary reads
        if auxiliary and not self.read:
            raise ValueError("the auxiliary reads the last block of figure 6, and there is none")
        for name, kind, wide in blocks:
            self.blocks[name], channels = build.block(kind, channels, wide)
            if auxiliary and name in self.read:
                widths = (build.scaled(128), build.scaled(768))
                self.aux = Auxiliary(channels, num_classes, widths=widths, kernels=auxiliary_kernels)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(channels, num_classes)
        self.apply(_begin)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B K"] | dict[str, Float[Tensor, "B K"]]:
        x = self.stem(x)  # (B, 192, 35, 35) of 299 x 299
        beside: dict[str, Tensor] = {}
        for name, block in self.blocks.items():
            x = block(x)
            if self.training and self.aux is not None and name in self.read:
                beside["aux"] = self.aux(x)
        logits = self.head(self.dropout(global_average_pool(x)))
        return {"logits": logits, **beside} if beside else logits


def _begin(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        he_normal_(module.weight)


PICTURE = (Input(shape=(3, 299, 299)),)
TORCHVISION = (  # its keys, and ours
    (r"Conv2d_1a_3x3\.(.+)", r"stem.1.\1"),
    (r"Conv2d_2a_3x3\.(.+)", r"stem.2.\1"),
    (r"Conv2d_2b_3x3\.(.+)", r"stem.3.\1"),
    (r"Conv2d_3b_1x1\.(.+)", r"stem.4.\1"),
    (r"Conv2d_4a_3x3\.(.+)", r"stem.5.\1"),
    (r"Mixed_(\d[a-e])\.(branch\w+)_(\d)([ab])\.(.+)", r"blocks.\1.\2.\3.\4.\5"),
    (r"Mixed_(\d[a-e])\.(branch\w+)_(\d)\.(.+)", r"blocks.\1.\2.\3.\4"),
    (r"Mixed_(\d[a-e])\.(branch_pool)\.(.+)", r"blocks.\1.\2.1.\3"),
    (r"Mixed_(\d[a-e])\.(branch\w+)\.(.+)", r"blocks.\1.\2.1.\3"),
    (r"AuxLogits\.(.+)", r"aux.\1?"),
    (r"fc\.(.+)", r"head.\1"),
)
FEW = (("5b", "5", 32), ("6a", "10", 96), ("6b", "6", 128), ("7a", "10+", 160), ("7b", "7", 160))
TOY = {
    "blocks": FEW,
    "width": 0.06,
    "stem": "small",
    "auxiliary_kernels": (3, 1),
    "dropout": 0.1,
    "num_classes": 10,
}

CARD = ModelCard(
    name="inception",
    title="Inception-v3",
    paper="Szegedy, Vanhoucke, Ioffe, Shlens and Wojna 2015",
    link="https://arxiv.org/abs/1512.00567",
    domain="vision",
    builder="InceptionV3",
    sizes={
        "toy": Size(arguments=TOY, inputs=(Input(shape=(3, 28, 28)),), output=(10,)),
        "toy-auxiliary": Size(
            arguments={**TOY, "auxiliary": True},
            inputs=(Input(shape=(3, 28, 28)),),
            output=(10,),
            auxiliaries=AUXILIARIES,
        ),
        "inception-small": Size(
            arguments={
                "blocks": FEW,
                "width": 0.25,
                "stem": "small",
                "dropout": 0.2,
                "in_channels": 1,
                "num_classes": 10,
            },
            inputs=(Input(shape=(1, 28, 28)),),
            output=(10,),
            parameters=494_090,
            counted_by="hand: 1,224 + 484,800 in convolutions, 3,336 in norms, 4,730 in the head",
        ),
        "inception-v3": Size(
            arguments={},
            inputs=PICTURE,
            output=(1000,),
            parameters=23_834_568,
            counted_by="torchvision",
            weights=(
                Weights(
                    publisher="torchvision",
                    file=File(
                        name="inception_v3_google-0cc3c7bd.pth",
                        sha256="0cc3c7bd",
                        urls=("https://download.pytorch.org/models/inception_v3_google-0cc3c7bd.pth",),
                    ),
                    keys=TORCHVISION,
                    licence="BSD-3-Clause",
                    arguments={"counts_padding": True},
                    metrics={"ImageNet top-1": 0.77294, "ImageNet top-5": 0.9345},
                    note="pictures: short side 342, centre 299, in [-1, 1]; torchvision publishes the first 8 digits "
                    "of the hash",
                ),
            ),
        ),
        "inception-v3-auxiliary": Size(
            arguments={"auxiliary": True},
            inputs=PICTURE,
            output=(1000,),
            parameters=27_161_264,
            counted_by="torchvision",
            auxiliaries=AUXILIARIES,
        ),
    },
    differs_in_training=("BatchNorm2d", "Dropout"),
)
