"""ResNet, deep residual networks, in the sizes for ImageNet and in the small ones for CIFAR.

K. He, X. Zhang, S. Ren, J. Sun, "Deep Residual Learning for Image Recognition", 2015, https://arxiv.org/abs/1512.03385.

- Stages of residual blocks; each stage after the first halves the picture and (as a rule) doubles the channels.
- For ImageNet (table 1): a 7x7 convolution and pooling in front, four stages, basic blocks or bottlenecks.
- For CIFAR (section 4.2): a 3x3 convolution in front, three stages of basic blocks, shortcuts padded with zeros.
- Bottlenecks have their stride on the 3x3 convolution, as today's published weights; `stride_in_1x1` is the paper's.
- The parameters lie channels-last in memory, in which the convolutions of CPUs and GPUs are fastest.
"""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.blocks.initialization import he_normal_
from upslope.blocks.pooling import global_average_pool
from upslope.blocks.residual import BasicBlock, Bottleneck
from upslope.cards import File, Input, ModelCard, Size, Weights


class ResNet(nn.Module):
    """Pictures (B, in_channels, H, W) of any size to scores (B, num_classes)."""

    def __init__(
        self,
        *,
        block: Literal["basic", "bottleneck"],
        depths: tuple[int, ...],
        widths: tuple[int, ...] = (64, 128, 256, 512),
        stem: Literal["imagenet", "cifar"] = "imagenet",
        padded: bool = False,
        stride_in_1x1: bool = False,
        in_channels: int = 3,
        num_classes: int = 1000,
    ) -> None:
        super().__init__()
        if len(depths) != len(widths):
            raise ValueError(f"depths={depths} and widths={widths} must name the same stages")
        large = stem == "imagenet"
        self.conv1 = nn.Conv2d(
            in_channels, widths[0], 7 if large else 3, stride=2 if large else 1, padding=3 if large else 1, bias=False
        )
        self.norm1 = nn.BatchNorm2d(widths[0])
        self.pool: nn.Module = nn.MaxPool2d(3, stride=2, padding=1) if large else nn.Identity()
        self.stages = nn.Sequential()
        channels = widths[0]
        for stage, (depth, width) in enumerate(zip(depths, widths, strict=True)):
            blocks: list[nn.Module] = []
            for number in range(depth):
                stride = 2 if stage > 0 and number == 0 else 1
                if block == "basic":
                    blocks.append(BasicBlock(channels, width, stride=stride, padded=padded))
                    channels = width
                else:
                    blocks.append(
                        Bottleneck(channels, width, stride=stride, padded=padded, stride_in_1x1=stride_in_1x1)
                    )
                    channels = 4 * width
            self.stages.append(nn.Sequential(*blocks))
        self.head = nn.Linear(channels, num_classes)
        self.apply(_begin)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B K"]:
        x = self.pool(F.relu(self.norm1(self.conv1(x)), inplace=True))
        x = self.stages(x)  # (B, D, H/32, W/32) with the stem for ImageNet, (B, D, H/4, W/4) with that for CIFAR
        return self.head(global_average_pool(x))


def _begin(module: nn.Module) -> None:
    """By fan-out, for a network of ReLUs."""
    if isinstance(module, nn.Conv2d):
        he_normal_(module.weight, mode="fan_out")


IMAGENET = (Input(shape=(3, 224, 224)),)
CIFAR = (Input(shape=(3, 32, 32)),)
THIN = {"block": "basic", "widths": (16, 32, 64), "stem": "cifar", "padded": True, "num_classes": 10}
TABLE = "the paper, table 6"
FOR_CIFAR = {
    "resnet8": Size(
        arguments={
            "block": "basic",
            "depths": (1, 1, 1),
            "widths": (16, 32, 64),
            "stem": "cifar",
            "in_channels": 1,
            "num_classes": 10,
        },
        inputs=(Input(shape=(1, 28, 28)),),
        output=(10,),
        parameters=77_754,
        counted_by="hand: 144 + 73,728 + 2,560 in convolutions, 672 in norms, 650 in the head",
    ),
    "resnet20": Size(
        arguments={**THIN, "depths": (3, 3, 3)}, inputs=CIFAR, output=(10,), parameters_about="0.27", counted_by=TABLE
    ),
    "resnet32": Size(
        arguments={**THIN, "depths": (5, 5, 5)}, inputs=CIFAR, output=(10,), parameters_about="0.46", counted_by=TABLE
    ),
    "resnet44": Size(
        arguments={**THIN, "depths": (7, 7, 7)}, inputs=CIFAR, output=(10,), parameters_about="0.66", counted_by=TABLE
    ),
    "resnet56": Size(
        arguments={**THIN, "depths": (9, 9, 9)}, inputs=CIFAR, output=(10,), parameters_about="0.85", counted_by=TABLE
    ),
    "resnet110": Size(
        arguments={**THIN, "depths": (18, 18, 18)}, inputs=CIFAR, output=(10,), parameters_about="1.7", counted_by=TABLE
    ),
}
TORCHVISION = (  # its keys, and ours
    (r"conv1\.(.+)", r"conv1.\1"),
    (r"bn1\.(.+)", r"norm1.\1"),
    (r"layer1\.(\d+)\.conv(.+)", r"stages.0.\1.conv\2"),
    (r"layer2\.(\d+)\.conv(.+)", r"stages.1.\1.conv\2"),
    (r"layer3\.(\d+)\.conv(.+)", r"stages.2.\1.conv\2"),
    (r"layer4\.(\d+)\.conv(.+)", r"stages.3.\1.conv\2"),
    (r"layer1\.(\d+)\.bn(.+)", r"stages.0.\1.norm\2"),
    (r"layer2\.(\d+)\.bn(.+)", r"stages.1.\1.norm\2"),
    (r"layer3\.(\d+)\.bn(.+)", r"stages.2.\1.norm\2"),
    (r"layer4\.(\d+)\.bn(.+)", r"stages.3.\1.norm\2"),
    (r"layer1\.(\d+)\.downsample\.(.+)", r"stages.0.\1.shortcut.\2"),
    (r"layer2\.(\d+)\.downsample\.(.+)", r"stages.1.\1.shortcut.\2"),
    (r"layer3\.(\d+)\.downsample\.(.+)", r"stages.2.\1.shortcut.\2"),
    (r"layer4\.(\d+)\.downsample\.(.+)", r"stages.3.\1.shortcut.\2"),
    (r"fc\.(.+)", r"head.\1"),
)
HUGGINGFACE = (
    (r"resnet\.embedder\.embedder\.convolution\.(.+)", r"conv1.\1"),
    (r"resnet\.embedder\.embedder\.normalization\.(.+)", r"norm1.\1"),
    (r".+\.stages\.(\d)\.layers\.(\d+)\.layer\.0\.convolution(.+)", r"stages.\1.\2.conv1\3"),
    (r".+\.stages\.(\d)\.layers\.(\d+)\.layer\.1\.convolution(.+)", r"stages.\1.\2.conv2\3"),
    (r".+\.stages\.(\d)\.layers\.(\d+)\.layer\.2\.convolution(.+)", r"stages.\1.\2.conv3\3"),
    (r".+\.stages\.(\d)\.layers\.(\d+)\.layer\.0\.normalization(.+)", r"stages.\1.\2.norm1\3"),
    (r".+\.stages\.(\d)\.layers\.(\d+)\.layer\.1\.normalization(.+)", r"stages.\1.\2.norm2\3"),
    (r".+\.stages\.(\d)\.layers\.(\d+)\.layer\.2\.normalization(.+)", r"stages.\1.\2.norm3\3"),
    (r".+\.stages\.(\d)\.layers\.(\d+)\.shortcut\.convolution(.+)", r"stages.\1.\2.shortcut.0\3"),
    (r".+\.stages\.(\d)\.layers\.(\d+)\.shortcut\.normalization(.+)", r"stages.\1.\2.shortcut.1\3"),
    (r"classifier\.1\.(.+)", r"head.\1"),
)

CARD = ModelCard(
    name="resnet",
    title="Residual Network",
    paper="He, Zhang, Ren and Sun 2015",
    link="https://arxiv.org/abs/1512.03385",
    domain="vision",
    builder="ResNet",
    sizes={
        "toy": Size(
            arguments={"block": "basic", "depths": (1, 1), "widths": (8, 16), "stem": "cifar", "num_classes": 10},
            inputs=(Input(shape=(3, 16, 16)),),
            output=(10,),
        ),
        "resnet18": Size(
            arguments={"block": "basic", "depths": (2, 2, 2, 2)},
            inputs=IMAGENET,
            output=(1000,),
            parameters=11_689_512,
            counted_by="torchvision",
            weights=(
                Weights(
                    publisher="torchvision",
                    file=File(
                        name="resnet18-f37072fd.pth",
                        sha256="f37072fd47e89c5e827621c5baffa7500819f7896bbacec160b1a16c560e07ec",
                        size=46_830_571,
                        urls=("https://download.pytorch.org/models/resnet18-f37072fd.pth",),
                    ),
                    keys=TORCHVISION,
                    licence="BSD-3-Clause",
                    metrics={"ImageNet top-1": 0.69758, "ImageNet top-5": 0.89078},
                ),
                Weights(
                    publisher="huggingface",
                    file=File(
                        name="microsoft-resnet-18.safetensors",
                        sha256="1cf00ee468998c23d084361b02cffadabacb5074105564c596b8079f77ecb126",
                        urls=("https://huggingface.co/microsoft/resnet-18/resolve/main/model.safetensors",),
                    ),
                    keys=HUGGINGFACE,
                    licence="Apache-2.0",
                ),
            ),
        ),
        "resnet34": Size(
            arguments={"block": "basic", "depths": (3, 4, 6, 3)},
            inputs=IMAGENET,
            output=(1000,),
            parameters=21_797_672,
            counted_by="torchvision",
            weights=(
                Weights(
                    publisher="torchvision",
                    file=File(
                        name="resnet34-b627a593.pth",
                        sha256="b627a593bcbe140c234610266fe4f8ae95ea42fc881d091c9b6052e6b1d0590f",
                        size=87_319_819,
                        urls=("https://download.pytorch.org/models/resnet34-b627a593.pth",),
                    ),
                    keys=TORCHVISION,
                    licence="BSD-3-Clause",
                    metrics={"ImageNet top-1": 0.73314, "ImageNet top-5": 0.9142},
                ),
                Weights(
                    publisher="huggingface",
                    file=File(
                        name="microsoft-resnet-34.safetensors",
                        sha256="1096166c7cf216a7320a6b67b754b1776b99205a44d070c6cb52429af2d136bb",
                        urls=("https://huggingface.co/microsoft/resnet-34/resolve/main/model.safetensors",),
                    ),
                    keys=HUGGINGFACE,
                    licence="Apache-2.0",
                ),
            ),
        ),
        "resnet50": Size(
            arguments={"block": "bottleneck", "depths": (3, 4, 6, 3)},
            inputs=IMAGENET,
            output=(1000,),
            parameters=25_557_032,
            counted_by="torchvision",
            weights=(
                Weights(
                    publisher="torchvision",
                    file=File(
                        name="resnet50-11ad3fa6.pth",
                        sha256="11ad3fa62ca79e40addfd354a8ec4b7c75143b3038b8d2a807fbc68deab379ca",
                        size=102_540_417,
                        urls=("https://download.pytorch.org/models/resnet50-11ad3fa6.pth",),
                    ),
                    keys=TORCHVISION,
                    licence="BSD-3-Clause",
                    metrics={"ImageNet top-1": 0.80858, "ImageNet top-5": 0.95434},
                ),
                Weights(
                    publisher="huggingface",
                    file=File(
                        name="microsoft-resnet-50.safetensors",
                        sha256="9c6061af1f450bb0847e529fd742aa5066017be379c71bbf5546b198e5b13a1e",
                        urls=("https://huggingface.co/microsoft/resnet-50/resolve/main/model.safetensors",),
                    ),
                    keys=HUGGINGFACE,
                    licence="Apache-2.0",
                ),
            ),
        ),
        "resnet101": Size(
            arguments={"block": "bottleneck", "depths": (3, 4, 23, 3)},
            inputs=IMAGENET,
            output=(1000,),
            parameters=44_549_160,
            counted_by="torchvision",
            weights=(
                Weights(
                    publisher="torchvision",
                    file=File(
                        name="resnet101-cd907fc2.pth",
                        sha256="cd907fc2a0de2292b2ba2b27d2216bc672d84632d1cf20058d01c0c03b5e020e",
                        size=178_814_045,
                        urls=("https://download.pytorch.org/models/resnet101-cd907fc2.pth",),
                    ),
                    keys=TORCHVISION,
                    licence="BSD-3-Clause",
                    metrics={"ImageNet top-1": 0.81886, "ImageNet top-5": 0.9578},
                ),
                Weights(
                    publisher="huggingface",
                    file=File(
                        name="microsoft-resnet-101.safetensors",
                        sha256="f2957549a2feece05426879095399ded54f4ba62aef57b26b88e0c758a0f3bd0",
                        urls=("https://huggingface.co/microsoft/resnet-101/resolve/refs%2Fpr%2F2/model.safetensors",),
                    ),
                    keys=HUGGINGFACE,
                    licence="Apache-2.0",
                    note="proposed for microsoft/resnet-101, which itself holds a pickle",
                ),
            ),
        ),
        "resnet152": Size(
            arguments={"block": "bottleneck", "depths": (3, 8, 36, 3)},
            inputs=IMAGENET,
            output=(1000,),
            parameters=60_192_808,
            counted_by="torchvision",
            weights=(
                Weights(
                    publisher="torchvision",
                    file=File(
                        name="resnet152-f82ba261.pth",
                        sha256="f82ba261",
                        size=241_669_177,
                        urls=("https://download.pytorch.org/models/resnet152-f82ba261.pth",),
                    ),
                    keys=TORCHVISION,
                    licence="BSD-3-Clause",
                    metrics={"ImageNet top-1": 0.82284, "ImageNet top-5": 0.96002},
                    note="torchvision publishes the first 8 digits of its hashes; the rest of this one was not found",
                ),
                Weights(
                    publisher="huggingface",
                    file=File(
                        name="microsoft-resnet-152.bin",
                        sha256="7ebcf680ad55ee87b94142d741d38d9a4355d7c2193b9532d201ef2a8b8dcd7e",
                        urls=("https://huggingface.co/microsoft/resnet-152/resolve/main/pytorch_model.bin",),
                    ),
                    keys=HUGGINGFACE,
                    licence="Apache-2.0",
                ),
            ),
        ),
        **FOR_CIFAR,
    },
    differs_in_training=("BatchNorm2d",),
    note="Pictures: in [0, 1], minus (0.485, 0.456, 0.406), over (0.229, 0.224, 0.225); short side 256, centre 224. "
    "torchvision's files for 50 and deeper are its weights V2: short side 232.",
)
