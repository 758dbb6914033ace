"""GoogLeNet: Inception blocks, 22 layers deep, with a ninth of AlexNet's parameters.

C. Szegedy et al., "Going Deeper with Convolutions", 2014, https://arxiv.org/abs/1409.4842, table 1 and figure 3.
With batch norm: S. Ioffe, C. Szegedy, "Batch Normalization", 2015, https://arxiv.org/abs/1502.03167, section 4.2.

- Nine Inception blocks: convolutions of 1x1, 3x3 and 5x5 and a pooling side by side, made affordable by 1x1
  convolutions in front of the wide ones (section 4).
- The average of each map and one linear layer, in place of AlexNet's two hidden layers (section 5).
- `auxiliary=True`: in training two small classifiers read the maps in the middle, so that a gradient reaches the first
  layers by a short way. Then the network gives a dict of "logits", "aux1" and "aux2", whose losses count
  `auxiliary_weights` beside that of the logits. In evaluation it gives the logits, and the two are not computed.
- `norm=True`: batch norm in place of local response normalization and biases. The checkpoint that torchvision publishes
  has it, 3x3 filters where the paper has 5x5 (`fives=3`, https://github.com/pytorch/vision/issues/906), and poolings of
  its own (`last_pool=2`, `auxiliary_pool="adaptive"`).
- Left out: the ensemble of seven networks and the crops of section 7.
"""

from typing import Literal, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.blocks.inception import ConvRelu, InceptionBlock
from upslope.blocks.initialization import he_normal_
from upslope.blocks.pooling import global_average_pool
from upslope.cards import File, Input, ModelCard, Size, Weights

# Table 1, a row for each block: #1x1, (#3x3 reduce, #3x3), (#5x5 reduce, #5x5), pool proj.
Row = tuple[int, tuple[int, int], tuple[int, int], int]
TABLE = (
    ((64, (96, 128), (16, 32), 32), (128, (128, 192), (32, 96), 64)),
    (
        (192, (96, 208), (16, 48), 64),
        (160, (112, 224), (24, 64), 64),
        (128, (128, 256), (24, 64), 64),
        (112, (144, 288), (32, 64), 64),
        (256, (160, 320), (32, 128), 128),
    ),
    ((256, (160, 320), (32, 128), 128), (384, (192, 384), (48, 128), 128)),
)
AUXILIARIES = {"aux1": 0.3, "aux2": 0.3}  # what leaves in training only, and what its loss counts (section 5)


class Auxiliary(nn.Module):
    """A classifier in the middle of the network: averages, a 1x1 convolution, a hidden layer (section 5)."""

    def __init__(
        self, in_channels: int, num_classes: int, *, widths: tuple[int, int], norm: bool, dropout: float, adaptive: bool
    ) -> None:
        super().__init__()
        self.pool: nn.Module = nn.AdaptiveAvgPool2d(4) if adaptive else nn.AvgPool2d(5, stride=3)
        self.conv = ConvRelu(in_channels, widths[0], 1, norm=norm)
        self.fc1 = nn.Linear(widths[0] * 4 * 4, widths[1])
        self.dropout = nn.Dropout(dropout)
        self.fc2 = nn.Linear(widths[1], num_classes)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B K"]:
        """(B, in_channels, H, W), in the paper 14 x 14, to (B, num_classes)."""
        x = self.conv(self.pool(x))  # (B, widths[0], 4, 4)
        return self.fc2(self.dropout(F.relu(self.fc1(x.flatten(1)), inplace=True)))


class GoogLeNet(nn.Module):
    """Pictures (B, in_channels, H, W) to scores (B, num_classes), and in training to those of the auxiliaries."""

    def __init__(
        self,
        *,
        norm: bool = False,
        fives: Literal[3, 5] = 5,
        last_pool: Literal[2, 3] = 3,
        auxiliary: bool = False,
        auxiliary_pool: Literal["average", "adaptive"] = "average",
        auxiliary_widths: tuple[int, int] = (128, 1024),
        stem: tuple[int, ...] = (64, 64, 192),
        stages: tuple[tuple[Row, ...], ...] = TABLE,
        dropout: float = 0.4,
        auxiliary_dropout: float = 0.7,
        in_channels: int = 3,
        num_classes: int = 1000,
    ) -> None:
        """A `stem` of one number is a single 3x3 convolution, for small pictures, with one pooling behind it."""
        super().__init__()
        if auxiliary and (len(stages) < 2 or len(stages[1]) < 2):
            raise ValueError("the auxiliaries read the second stage, behind its first block and its last but one")
        self.auxiliary_weights = dict(AUXILIARIES) if auxiliary else {}
        self.stem = nn.Sequential()
        if len(stem) == 1:
            self.stem.add_module("conv1", ConvRelu(in_channels, stem[0], 3, padding=1, norm=norm))
        else:
            self.stem.add_module("conv1", ConvRelu(in_channels, stem[0], 7, stride=2, padding=3, norm=norm))
            self.stem.add_module("pool1", _pool(3))
            self.stem.add_module("norm1", _normed(not norm))
            self.stem.add_module("conv2", ConvRelu(stem[0], stem[1], 1, norm=norm))
            self.stem.add_module("conv3", ConvRelu(stem[1], stem[2], 3, padding=1, norm=norm))
            self.stem.add_module("norm2", _normed(not norm))
        self.stem.add_module("pool2", _pool(3))
        self.stages = nn.ModuleList()
        channels, read = stem[-1], []  # how many channels the blocks of the second stage give
        for number, stage in enumerate(stages):
            blocks = nn.Sequential()
            for ones, threes, around, pooled in stage:
                block = InceptionBlock(
                    channels, ones=ones, threes=threes, fives=around, pooled=pooled, kernel=fives, norm=norm
                )
                blocks.append(block)
                channels = ones + threes[1] + around[1] + pooled
                if number == 1:
                    read.append(channels)
            self.stages.append(blocks)
        self.pools = nn.ModuleList(
            _pool(3 if number < len(stages) - 1 else last_pool) for number in range(1, len(stages))
        )
        self.aux1: Auxiliary | None = None
        self.aux2: Auxiliary | None = None
        if auxiliary:
            self.aux1, self.aux2 = (
                Auxiliary(
                    width,
                    num_classes,
                    widths=auxiliary_widths,
                    norm=norm,
                    dropout=auxiliary_dropout,
                    adaptive=auxiliary_pool == "adaptive",
                )
                for width in (read[0], read[-2])
            )
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(channels, num_classes)
        self.apply(_begin)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B K"] | dict[str, Float[Tensor, "B K"]]:
        x = self.stem(x)  # (B, 192, 28, 28) of 224 x 224
        beside: dict[str, Tensor] = {}
        for number, blocks in enumerate(self.stages):
            x = self.pools[number - 1](x) if number else x
            if not (self.training and number == 1 and self.aux1 is not None and self.aux2 is not None):
                x = blocks(x)
                continue
            first, *middle, last = cast(nn.Sequential, blocks)
            x = first(x)
            beside["aux1"] = self.aux1(x)
            for block in middle:
                x = block(x)
            beside["aux2"] = self.aux2(x)
            x = last(x)
        logits = self.head(self.dropout(global_average_pool(x)))
        return {"logits": logits, **beside} if beside else logits


def _pool(kernel: int) -> nn.Module:
    """A maximum that halves height and width, rounded up."""
    return nn.MaxPool2d(kernel, stride=2, ceil_mode=True)


def _normed(wanted: bool) -> nn.Module:
    """Local response normalization as AlexNet has it: the paper shows where (figure 3), and gives no numbers."""
    return nn.LocalResponseNorm(5, alpha=5 * 1e-4, beta=0.75, k=2.0) if wanted else nn.Identity()


def _begin(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        he_normal_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


PICTURE = (Input(shape=(3, 224, 224)),)
PUBLISHED = {"norm": True, "fives": 3, "last_pool": 2, "auxiliary_pool": "adaptive", "dropout": 0.2}
TORCHVISION = (  # its keys, and ours
    (r"conv(\d)\.(.+)", r"stem.conv\1.\2"),
    (r"inception3a\.(.+)", r"stages.0.0.\1"),
    (r"inception3b\.(.+)", r"stages.0.1.\1"),
    (r"inception4a\.(.+)", r"stages.1.0.\1"),
    (r"inception4b\.(.+)", r"stages.1.1.\1"),
    (r"inception4c\.(.+)", r"stages.1.2.\1"),
    (r"inception4d\.(.+)", r"stages.1.3.\1"),
    (r"inception4e\.(.+)", r"stages.1.4.\1"),
    (r"inception5a\.(.+)", r"stages.2.0.\1"),
    (r"inception5b\.(.+)", r"stages.2.1.\1"),
    (r"(aux[12]\..+)", r"\1?"),
    (r"fc\.(.+)", r"head.\1"),
)
TOY = {
    "norm": True,
    "auxiliary_pool": "adaptive",
    "auxiliary_widths": (6, 12),
    "stem": (8,),
    "stages": (((4, (4, 6), (2, 4), 4),), ((4, (4, 6), (2, 4), 4), (6, (4, 6), (2, 4), 4), (6, (4, 8), (2, 4), 4))),
    "dropout": 0.1,
    "auxiliary_dropout": 0.1,
    "num_classes": 10,
}
# The paper's rows, about an eighth as wide.
SMALL = (
    ((16, (16, 24), (4, 8), 8), (24, (24, 40), (6, 12), 12)),
    ((32, (24, 48), (6, 16), 16), (48, (32, 64), (8, 24), 24)),
)

CARD = ModelCard(
    name="googlenet",
    title="GoogLeNet",
    paper="Szegedy et al. 2014",
    link="https://arxiv.org/abs/1409.4842",
    domain="vision",
    builder="GoogLeNet",
    sizes={
        "toy": Size(arguments=TOY, inputs=(Input(shape=(3, 16, 16)),), output=(10,)),
        "toy-auxiliary": Size(
            arguments={**TOY, "auxiliary": True},
            inputs=(Input(shape=(3, 16, 16)),),
            output=(10,),
            auxiliaries=AUXILIARIES,
        ),
        "googlenet-small": Size(
            arguments={
                "norm": True,
                "stem": (32,),
                "stages": SMALL,
                "dropout": 0.2,
                "in_channels": 1,
                "num_classes": 10,
            },
            inputs=(Input(shape=(1, 28, 28)),),
            output=(10,),
            parameters=78_242,
            counted_by="hand: 288 + 75,208 in convolutions, 1,136 in norms, 1,610 in the head",
        ),
        "googlenet": Size(
            arguments={},
            inputs=PICTURE,
            output=(1000,),
            parameters=6_998_552,
            counted_by="the layer sizes of the paper's table 1, with biases; Caffe's copy, bvlc_googlenet, has as many",
        ),
        "googlenet-auxiliary": Size(
            arguments={"auxiliary": True},
            inputs=PICTURE,
            output=(1000,),
            parameters=13_378_280,
            counted_by="the layer sizes of the paper's table 1 and section 5, with biases",
            auxiliaries=AUXILIARIES,
        ),
        "googlenet-bn": Size(
            arguments=PUBLISHED,
            inputs=PICTURE,
            output=(1000,),
            parameters=6_624_904,
            counted_by="torchvision",
            weights=(
                Weights(
                    publisher="torchvision",
                    file=File(
                        name="googlenet-1378be20.pth",
                        sha256="1378be20",
                        urls=("https://download.pytorch.org/models/googlenet-1378be20.pth",),
                    ),
                    keys=TORCHVISION,
                    licence="BSD-3-Clause",
                    metrics={"ImageNet top-1": 0.69778, "ImageNet top-5": 0.8953},
                    note="pictures: short side 256, centre 224, in [-1, 1]; its 5x5 filters are 3x3; torchvision "
                    "publishes the first 8 digits of the hash",
                ),
            ),
        ),
        "googlenet-bn-auxiliary": Size(
            arguments={**PUBLISHED, "auxiliary": True},
            inputs=PICTURE,
            output=(1000,),
            parameters=13_004_888,
            counted_by="torchvision's published file, which holds the auxiliaries",
            auxiliaries=AUXILIARIES,
        ),
    },
    differs_in_training=("BatchNorm2d", "Dropout"),
    note="googlenet-bn is the network of the published weights: where the paper has 5x5 filters, it has 3x3.",
)
