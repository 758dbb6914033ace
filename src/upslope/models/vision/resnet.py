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

from upslope.blocks.pooling import global_average_pool
from upslope.blocks.residual import BasicBlock, Bottleneck
from upslope.cards import Input, ModelCard, Size


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
        x = x.contiguous(memory_format=torch.channels_last)
        x = self.pool(F.relu(self.norm1(self.conv1(x)), inplace=True))
        x = self.stages(x)  # (B, D, H/32, W/32) with the stem for ImageNet, (B, D, H/4, W/4) with that for CIFAR
        return self.head(global_average_pool(x))


def _begin(module: nn.Module) -> None:
    """He's initialisation, by fan-out, as for a network of ReLUs (He et al. 2015b, https://arxiv.org/abs/1502.01852)."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


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
            inputs=(Input(shape=(3, 224, 224)),),
            output=(1000,),
            parameters=11_689_512,
            counted_by="torchvision",
        ),
        "resnet34": Size(
            arguments={"block": "basic", "depths": (3, 4, 6, 3)},
            inputs=(Input(shape=(3, 224, 224)),),
            output=(1000,),
            parameters=21_797_672,
            counted_by="torchvision",
        ),
        "resnet50": Size(
            arguments={"block": "bottleneck", "depths": (3, 4, 6, 3)},
            inputs=(Input(shape=(3, 224, 224)),),
            output=(1000,),
            parameters=25_557_032,
            counted_by="torchvision",
        ),
        "resnet101": Size(
            arguments={"block": "bottleneck", "depths": (3, 4, 23, 3)},
            inputs=(Input(shape=(3, 224, 224)),),
            output=(1000,),
            parameters=44_549_160,
            counted_by="torchvision",
        ),
        "resnet152": Size(
            arguments={"block": "bottleneck", "depths": (3, 8, 36, 3)},
            inputs=(Input(shape=(3, 224, 224)),),
            output=(1000,),
            parameters=60_192_808,
            counted_by="torchvision",
        ),
        "resnet20": Size(
            arguments={
                "block": "basic",
                "depths": (3, 3, 3),
                "widths": (16, 32, 64),
                "stem": "cifar",
                "padded": True,
                "num_classes": 10,
            },
            inputs=(Input(shape=(3, 32, 32)),),
            output=(10,),
            parameters_about="0.27",
            counted_by="the paper, table 6",
        ),
        "resnet32": Size(
            arguments={
                "block": "basic",
                "depths": (5, 5, 5),
                "widths": (16, 32, 64),
                "stem": "cifar",
                "padded": True,
                "num_classes": 10,
            },
            inputs=(Input(shape=(3, 32, 32)),),
            output=(10,),
            parameters_about="0.46",
            counted_by="the paper, table 6",
        ),
        "resnet44": Size(
            arguments={
                "block": "basic",
                "depths": (7, 7, 7),
                "widths": (16, 32, 64),
                "stem": "cifar",
                "padded": True,
                "num_classes": 10,
            },
            inputs=(Input(shape=(3, 32, 32)),),
            output=(10,),
            parameters_about="0.66",
            counted_by="the paper, table 6",
        ),
        "resnet56": Size(
            arguments={
                "block": "basic",
                "depths": (9, 9, 9),
                "widths": (16, 32, 64),
                "stem": "cifar",
                "padded": True,
                "num_classes": 10,
            },
            inputs=(Input(shape=(3, 32, 32)),),
            output=(10,),
            parameters_about="0.85",
            counted_by="the paper, table 6",
        ),
        "resnet110": Size(
            arguments={
                "block": "basic",
                "depths": (18, 18, 18),
                "widths": (16, 32, 64),
                "stem": "cifar",
                "padded": True,
                "num_classes": 10,
            },
            inputs=(Input(shape=(3, 32, 32)),),
            output=(10,),
            parameters_about="1.7",
            counted_by="the paper, table 6",
        ),
    },
    differs_in_training=("BatchNorm2d",),
)
