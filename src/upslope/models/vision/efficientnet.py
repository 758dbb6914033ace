"""EfficientNet: depth, width and resolution scaled together, from a small network that a search found.

M. Tan, Q. V. Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", 2019,
https://arxiv.org/abs/1905.11946, table 1 and section 3.3.

- Inverted bottlenecks with squeeze-and-excitation and SiLU, stage by stage as in table 1.
- Compound scaling: B1 to B7 multiply width and depth of B0 (and the resolution of the pictures); channels are rounded
  to multiples of 8, depths up.
- Deeper blocks are skipped more often in training (section 5.2), up to `drop_path`.
- `padding` and `eps` as the publisher of the weights has them: the paper's code, Keras and transformers pad as
  TensorFlow does and have 1e-3, the defaults here; torchvision's weights want "symmetric" and, up to B4, 1e-5.
- Left out: the architecture search, RMSProp, AutoAugment (section 5.2).
"""

import math
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.blocks.initialization import he_normal_
from upslope.blocks.inverted_bottleneck import InvertedBottleneck, SamePadding
from upslope.blocks.pooling import global_average_pool
from upslope.cards import File, Input, ModelCard, Size, Weights

# Table 1: ratio, kernel, stride, channels, blocks. Of the blocks of a stage only the first has the stride.
TABLE = (
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
)


class EfficientNet(nn.Module):
    """Pictures (B, in_channels, H, W) of any size to scores (B, num_classes)."""

    def __init__(
        self,
        *,
        width: float = 1.0,
        depth: float = 1.0,
        stages: tuple[tuple[int, int, int, int, int], ...] = TABLE,
        stem: tuple[int, int] = (32, 2),
        head: int = 1280,
        padding: Literal["same", "symmetric"] = "same",
        eps: float = 1e-3,
        dropout: float = 0.2,
        drop_path: float = 0.2,
        in_channels: int = 3,
        num_classes: int = 1000,
    ) -> None:
        """`stem` is channels and stride of the first convolution, `head` the channels of the last."""
        super().__init__()
        channels, stride = scaled(stem[0], width), stem[1]
        same = padding == "same"
        self.pad: nn.Module = SamePadding(kernel=3, stride=stride) if same else nn.Identity()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride=stride, padding=0 if same else 1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels, eps=eps)
        depths = [math.ceil(blocks * depth) for *_, blocks in stages]
        self.stages = nn.Sequential()
        for stage, (ratio, kernel, stride, wide, _) in enumerate(stages):
            blocks = nn.Sequential()
            for number in range(depths[stage]):
                rate = drop_path * (sum(depths[:stage]) + number) / sum(depths)
                blocks.append(
                    InvertedBottleneck(
                        channels,
                        scaled(wide, width),
                        ratio=ratio,
                        kernel=kernel,
                        stride=1 if number else stride,
                        padding=padding,
                        eps=eps,
                        drop_path=rate,
                    )
                )
                channels = scaled(wide, width)
            self.stages.append(blocks)
        self.conv2 = nn.Conv2d(channels, scaled(head, width), 1, bias=False)
        self.norm2 = nn.BatchNorm2d(scaled(head, width), eps=eps)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(scaled(head, width), num_classes)
        self.apply(_begin)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B K"]:
        x = F.silu(self.norm1(self.conv1(self.pad(x))), inplace=True)
        x = self.stages(x)  # (B, 320, H/32, W/32) of B0
        x = F.silu(self.norm2(self.conv2(x)), inplace=True)
        return self.head(self.dropout(global_average_pool(x)))


def scaled(channels: int, width: float) -> int:
    """channels * width, rounded to a multiple of 8, but never down by more than a tenth."""
    rounded = max(8, int(channels * width + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * channels * width else rounded + 8


def _begin(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        he_normal_(module.weight, mode="fan_out")
        if module.bias is not None:
            nn.init.zeros_(module.bias)


# torchvision counts the stem as the first of its features, so its stages begin at 1 and ours at 0.
TORCHVISION = (
    (r"features\.0\.0\.(.+)", r"conv1.\1"),
    (r"features\.0\.1\.(.+)", r"norm1.\1"),
    (r"features\.8\.0\.(.+)", r"conv2.\1"),
    (r"features\.8\.1\.(.+)", r"norm2.\1"),
    (r"features\.1\.(\d+)\.block\.0\.0\.(.+)", r"stages.0.\1.depthwise.\2"),
    (r"features\.1\.(\d+)\.block\.0\.1\.(.+)", r"stages.0.\1.norm2.\2"),
    (r"features\.1\.(\d+)\.block\.1\.fc1\.(.+)", r"stages.0.\1.excite.reduce.\2"),
    (r"features\.1\.(\d+)\.block\.1\.fc2\.(.+)", r"stages.0.\1.excite.expand.\2"),
    (r"features\.1\.(\d+)\.block\.2\.0\.(.+)", r"stages.0.\1.project.\2"),
    (r"features\.1\.(\d+)\.block\.2\.1\.(.+)", r"stages.0.\1.norm3.\2"),
    (r"features\.2\.(\d+)\.block\.0\.0\.(.+)", r"stages.1.\1.expand.\2"),
    (r"features\.2\.(\d+)\.block\.0\.1\.(.+)", r"stages.1.\1.norm1.\2"),
    (r"features\.2\.(\d+)\.block\.1\.0\.(.+)", r"stages.1.\1.depthwise.\2"),
    (r"features\.2\.(\d+)\.block\.1\.1\.(.+)", r"stages.1.\1.norm2.\2"),
    (r"features\.2\.(\d+)\.block\.2\.fc1\.(.+)", r"stages.1.\1.excite.reduce.\2"),
    (r"features\.2\.(\d+)\.block\.2\.fc2\.(.+)", r"stages.1.\1.excite.expand.\2"),
    (r"features\.2\.(\d+)\.block\.3\.0\.(.+)", r"stages.1.\1.project.\2"),
    (r"features\.2\.(\d+)\.block\.3\.1\.(.+)", r"stages.1.\1.norm3.\2"),
    (r"features\.3\.(\d+)\.block\.0\.0\.(.+)", r"stages.2.\1.expand.\2"),
    (r"features\.3\.(\d+)\.block\.0\.1\.(.+)", r"stages.2.\1.norm1.\2"),
    (r"features\.3\.(\d+)\.block\.1\.0\.(.+)", r"stages.2.\1.depthwise.\2"),
    (r"features\.3\.(\d+)\.block\.1\.1\.(.+)", r"stages.2.\1.norm2.\2"),
    (r"features\.3\.(\d+)\.block\.2\.fc1\.(.+)", r"stages.2.\1.excite.reduce.\2"),
    (r"features\.3\.(\d+)\.block\.2\.fc2\.(.+)", r"stages.2.\1.excite.expand.\2"),
    (r"features\.3\.(\d+)\.block\.3\.0\.(.+)", r"stages.2.\1.project.\2"),
    (r"features\.3\.(\d+)\.block\.3\.1\.(.+)", r"stages.2.\1.norm3.\2"),
    (r"features\.4\.(\d+)\.block\.0\.0\.(.+)", r"stages.3.\1.expand.\2"),
    (r"features\.4\.(\d+)\.block\.0\.1\.(.+)", r"stages.3.\1.norm1.\2"),
    (r"features\.4\.(\d+)\.block\.1\.0\.(.+)", r"stages.3.\1.depthwise.\2"),
    (r"features\.4\.(\d+)\.block\.1\.1\.(.+)", r"stages.3.\1.norm2.\2"),
    (r"features\.4\.(\d+)\.block\.2\.fc1\.(.+)", r"stages.3.\1.excite.reduce.\2"),
    (r"features\.4\.(\d+)\.block\.2\.fc2\.(.+)", r"stages.3.\1.excite.expand.\2"),
    (r"features\.4\.(\d+)\.block\.3\.0\.(.+)", r"stages.3.\1.project.\2"),
    (r"features\.4\.(\d+)\.block\.3\.1\.(.+)", r"stages.3.\1.norm3.\2"),
    (r"features\.5\.(\d+)\.block\.0\.0\.(.+)", r"stages.4.\1.expand.\2"),
    (r"features\.5\.(\d+)\.block\.0\.1\.(.+)", r"stages.4.\1.norm1.\2"),
    (r"features\.5\.(\d+)\.block\.1\.0\.(.+)", r"stages.4.\1.depthwise.\2"),
    (r"features\.5\.(\d+)\.block\.1\.1\.(.+)", r"stages.4.\1.norm2.\2"),
    (r"features\.5\.(\d+)\.block\.2\.fc1\.(.+)", r"stages.4.\1.excite.reduce.\2"),
    (r"features\.5\.(\d+)\.block\.2\.fc2\.(.+)", r"stages.4.\1.excite.expand.\2"),
    (r"features\.5\.(\d+)\.block\.3\.0\.(.+)", r"stages.4.\1.project.\2"),
    (r"features\.5\.(\d+)\.block\.3\.1\.(.+)", r"stages.4.\1.norm3.\2"),
    (r"features\.6\.(\d+)\.block\.0\.0\.(.+)", r"stages.5.\1.expand.\2"),
    (r"features\.6\.(\d+)\.block\.0\.1\.(.+)", r"stages.5.\1.norm1.\2"),
    (r"features\.6\.(\d+)\.block\.1\.0\.(.+)", r"stages.5.\1.depthwise.\2"),
    (r"features\.6\.(\d+)\.block\.1\.1\.(.+)", r"stages.5.\1.norm2.\2"),
    (r"features\.6\.(\d+)\.block\.2\.fc1\.(.+)", r"stages.5.\1.excite.reduce.\2"),
    (r"features\.6\.(\d+)\.block\.2\.fc2\.(.+)", r"stages.5.\1.excite.expand.\2"),
    (r"features\.6\.(\d+)\.block\.3\.0\.(.+)", r"stages.5.\1.project.\2"),
    (r"features\.6\.(\d+)\.block\.3\.1\.(.+)", r"stages.5.\1.norm3.\2"),
    (r"features\.7\.(\d+)\.block\.0\.0\.(.+)", r"stages.6.\1.expand.\2"),
    (r"features\.7\.(\d+)\.block\.0\.1\.(.+)", r"stages.6.\1.norm1.\2"),
    (r"features\.7\.(\d+)\.block\.1\.0\.(.+)", r"stages.6.\1.depthwise.\2"),
    (r"features\.7\.(\d+)\.block\.1\.1\.(.+)", r"stages.6.\1.norm2.\2"),
    (r"features\.7\.(\d+)\.block\.2\.fc1\.(.+)", r"stages.6.\1.excite.reduce.\2"),
    (r"features\.7\.(\d+)\.block\.2\.fc2\.(.+)", r"stages.6.\1.excite.expand.\2"),
    (r"features\.7\.(\d+)\.block\.3\.0\.(.+)", r"stages.6.\1.project.\2"),
    (r"features\.7\.(\d+)\.block\.3\.1\.(.+)", r"stages.6.\1.norm3.\2"),
    (r"classifier\.1\.(.+)", r"head.\1"),
)
# Where the number in a key counts the blocks of all stages, <> says so.
HUGGINGFACE = (
    (r"efficientnet\.embeddings\.convolution\.(.+)", r"conv1.\1"),
    (r"efficientnet\.embeddings\.batchnorm\.(.+)", r"norm1.\1"),
    (r".+\.blocks\.(\d+)\.expansion\.expand_conv\.(.+)", r"stages.<\1>.expand.\2"),
    (r".+\.blocks\.(\d+)\.expansion\.expand_bn\.(.+)", r"stages.<\1>.norm1.\2"),
    (r".+\.blocks\.(\d+)\.depthwise_conv\.depthwise_conv\.(.+)", r"stages.<\1>.depthwise.\2"),
    (r".+\.blocks\.(\d+)\.depthwise_conv\.depthwise_norm\.(.+)", r"stages.<\1>.norm2.\2"),
    (r".+\.blocks\.(\d+)\.squeeze_excite\.(.+)", r"stages.<\1>.excite.\2"),
    (r".+\.blocks\.(\d+)\.projection\.project_conv\.(.+)", r"stages.<\1>.project.\2"),
    (r".+\.blocks\.(\d+)\.projection\.project_bn\.(.+)", r"stages.<\1>.norm3.\2"),
    (r".+\.top_conv\.(.+)", r"conv2.\1"),
    (r".+\.top_bn\.(.+)", r"norm2.\1"),
    (r"classifier\.(.+)", r"head.\1"),
)

CARD = ModelCard(
    name="efficientnet",
    title="EfficientNet",
    paper="Tan and Le 2019",
    link="https://arxiv.org/abs/1905.11946",
    domain="vision",
    builder="EfficientNet",
    sizes={
        "toy": Size(
            arguments={
                "stages": ((1, 3, 1, 8, 1), (2, 3, 2, 8, 2)),
                "stem": (8, 1),
                "head": 16,
                "dropout": 0.1,
                "drop_path": 0.3,
                "num_classes": 10,
            },
            inputs=(Input(shape=(3, 16, 16)),),
            output=(10,),
        ),
        "efficientnet-small": Size(
            arguments={
                "stages": ((1, 3, 1, 16, 1), (4, 3, 1, 24, 2), (4, 5, 2, 40, 2), (4, 3, 1, 64, 1)),
                "stem": (24, 2),
                "head": 160,
                "drop_path": 0.1,
                "in_channels": 1,
                "num_classes": 10,
            },
            inputs=(Input(shape=(1, 28, 28)),),
            output=(10,),
            parameters=77_980,
            counted_by="hand: 216 + 62,778 + 10,240 in convolutions, 3,136 in norms, 1,610 in the head",
        ),
        "efficientnet-b0": Size(
            arguments={},
            inputs=(Input(shape=(3, 224, 224)),),
            output=(1000,),
            parameters=5_288_548,
            counted_by="torchvision",
            weights=(
                Weights(
                    publisher="torchvision",
                    file=File(
                        name="efficientnet_b0_rwightman-7f5810bc.pth",
                        sha256="7f5810bc",
                        urls=("https://download.pytorch.org/models/efficientnet_b0_rwightman-7f5810bc.pth",),
                    ),
                    keys=TORCHVISION,
                    licence="BSD-3-Clause",
                    arguments={"padding": "symmetric", "eps": 1e-5},
                    metrics={"ImageNet top-1": 0.77692, "ImageNet top-5": 0.93532},
                    note="pictures: short side 256, centre 224; torchvision publishes the first 8 digits of the hash",
                ),
                Weights(
                    publisher="huggingface",
                    file=File(name="google-efficientnet-b0.safetensors", sha256=""),
                    keys=HUGGINGFACE,
                    licence="Apache-2.0",
                    note="google/efficientnet-b0",
                ),
            ),
        ),
        "efficientnet-b1": Size(
            arguments={"width": 1.0, "depth": 1.1, "dropout": 0.2},
            inputs=(Input(shape=(3, 240, 240)),),
            output=(1000,),
            parameters=7_794_184,
            counted_by="torchvision",
            weights=(
                Weights(
                    publisher="torchvision",
                    file=File(
                        name="efficientnet_b1_rwightman-bac287d4.pth",
                        sha256="bac287d4",
                        urls=("https://download.pytorch.org/models/efficientnet_b1_rwightman-bac287d4.pth",),
                    ),
                    keys=TORCHVISION,
                    licence="BSD-3-Clause",
                    arguments={"padding": "symmetric", "eps": 1e-5},
                    metrics={"ImageNet top-1": 0.78642, "ImageNet top-5": 0.94186},
                    note="pictures: short side 256, centre 240; torchvision publishes the first 8 digits of the hash",
                ),
                Weights(
                    publisher="huggingface",
                    file=File(name="google-efficientnet-b1.safetensors", sha256=""),
                    keys=HUGGINGFACE,
                    licence="Apache-2.0",
                    note="google/efficientnet-b1",
                ),
            ),
        ),
        "efficientnet-b2": Size(
            arguments={"width": 1.1, "depth": 1.2, "dropout": 0.3},
            inputs=(Input(shape=(3, 260, 260)),),
            output=(1000,),
            parameters=9_109_994,
            counted_by="torchvision",
            weights=(
                Weights(
                    publisher="torchvision",
                    file=File(
                        name="efficientnet_b2_rwightman-c35c1473.pth",
                        sha256="c35c1473",
                        urls=("https://download.pytorch.org/models/efficientnet_b2_rwightman-c35c1473.pth",),
                    ),
                    keys=TORCHVISION,
                    licence="BSD-3-Clause",
                    arguments={"padding": "symmetric", "eps": 1e-5},
                    metrics={"ImageNet top-1": 0.80608, "ImageNet top-5": 0.9531},
                    note="pictures: short side 288, centre 288; torchvision publishes the first 8 digits of the hash",
                ),
                Weights(
                    publisher="huggingface",
                    file=File(name="google-efficientnet-b2.safetensors", sha256=""),
                    keys=HUGGINGFACE,
                    licence="Apache-2.0",
                    note="google/efficientnet-b2",
                ),
            ),
        ),
        "efficientnet-b3": Size(
            arguments={"width": 1.2, "depth": 1.4, "dropout": 0.3},
            inputs=(Input(shape=(3, 300, 300)),),
            output=(1000,),
            parameters=12_233_232,
            counted_by="torchvision",
            weights=(
                Weights(
                    publisher="torchvision",
                    file=File(
                        name="efficientnet_b3_rwightman-b3899882.pth",
                        sha256="b3899882",
                        urls=("https://download.pytorch.org/models/efficientnet_b3_rwightman-b3899882.pth",),
                    ),
                    keys=TORCHVISION,
                    licence="BSD-3-Clause",
                    arguments={"padding": "symmetric", "eps": 1e-5},
                    metrics={"ImageNet top-1": 0.82008, "ImageNet top-5": 0.96054},
                    note="pictures: short side 320, centre 300; torchvision publishes the first 8 digits of the hash",
                ),
                Weights(
                    publisher="huggingface",
                    file=File(name="google-efficientnet-b3.safetensors", sha256=""),
                    keys=HUGGINGFACE,
                    licence="Apache-2.0",
                    note="google/efficientnet-b3",
                ),
            ),
        ),
        "efficientnet-b4": Size(
            arguments={"width": 1.4, "depth": 1.8, "dropout": 0.4},
            inputs=(Input(shape=(3, 380, 380)),),
            output=(1000,),
            parameters=19_341_616,
            counted_by="torchvision",
            weights=(
                Weights(
                    publisher="torchvision",
                    file=File(
                        name="efficientnet_b4_rwightman-23ab8bcd.pth",
                        sha256="23ab8bcd",
                        urls=("https://download.pytorch.org/models/efficientnet_b4_rwightman-23ab8bcd.pth",),
                    ),
                    keys=TORCHVISION,
                    licence="BSD-3-Clause",
                    arguments={"padding": "symmetric", "eps": 1e-5},
                    metrics={"ImageNet top-1": 0.83384, "ImageNet top-5": 0.96594},
                    note="pictures: short side 384, centre 380; torchvision publishes the first 8 digits of the hash",
                ),
                Weights(
                    publisher="huggingface",
                    file=File(name="google-efficientnet-b4.safetensors", sha256=""),
                    keys=HUGGINGFACE,
                    licence="Apache-2.0",
                    note="google/efficientnet-b4",
                ),
            ),
        ),
        "efficientnet-b5": Size(
            arguments={"width": 1.6, "depth": 2.2, "dropout": 0.4},
            inputs=(Input(shape=(3, 456, 456)),),
            output=(1000,),
            parameters=30_389_784,
            counted_by="torchvision",
            weights=(
                Weights(
                    publisher="torchvision",
                    file=File(
                        name="efficientnet_b5_lukemelas-1a07897c.pth",
                        sha256="1a07897c",
                        urls=("https://download.pytorch.org/models/efficientnet_b5_lukemelas-1a07897c.pth",),
                    ),
                    keys=TORCHVISION,
                    licence="BSD-3-Clause",
                    arguments={"padding": "symmetric", "eps": 1e-3},
                    metrics={"ImageNet top-1": 0.83444, "ImageNet top-5": 0.96628},
                    note="pictures: short side 456, centre 456; torchvision publishes the first 8 digits of the hash",
                ),
                Weights(
                    publisher="huggingface",
                    file=File(name="google-efficientnet-b5.safetensors", sha256=""),
                    keys=HUGGINGFACE,
                    licence="Apache-2.0",
                    note="google/efficientnet-b5",
                ),
            ),
        ),
        "efficientnet-b6": Size(
            arguments={"width": 1.8, "depth": 2.6, "dropout": 0.5},
            inputs=(Input(shape=(3, 528, 528)),),
            output=(1000,),
            parameters=43_040_704,
            counted_by="torchvision",
            weights=(
                Weights(
                    publisher="torchvision",
                    file=File(
                        name="efficientnet_b6_lukemelas-24a108a5.pth",
                        sha256="24a108a5",
                        urls=("https://download.pytorch.org/models/efficientnet_b6_lukemelas-24a108a5.pth",),
                    ),
                    keys=TORCHVISION,
                    licence="BSD-3-Clause",
                    arguments={"padding": "symmetric", "eps": 1e-3},
                    metrics={"ImageNet top-1": 0.84008, "ImageNet top-5": 0.96916},
                    note="pictures: short side 528, centre 528; torchvision publishes the first 8 digits of the hash",
                ),
                Weights(
                    publisher="huggingface",
                    file=File(name="google-efficientnet-b6.safetensors", sha256=""),
                    keys=HUGGINGFACE,
                    licence="Apache-2.0",
                    note="google/efficientnet-b6",
                ),
            ),
        ),
        "efficientnet-b7": Size(
            arguments={"width": 2.0, "depth": 3.1, "dropout": 0.5},
            inputs=(Input(shape=(3, 600, 600)),),
            output=(1000,),
            parameters=66_347_960,
            counted_by="torchvision",
            weights=(
                Weights(
                    publisher="torchvision",
                    file=File(
                        name="efficientnet_b7_lukemelas-c5b4e57e.pth",
                        sha256="c5b4e57e",
                        urls=("https://download.pytorch.org/models/efficientnet_b7_lukemelas-c5b4e57e.pth",),
                    ),
                    keys=TORCHVISION,
                    licence="BSD-3-Clause",
                    arguments={"padding": "symmetric", "eps": 1e-3},
                    metrics={"ImageNet top-1": 0.84122, "ImageNet top-5": 0.96908},
                    note="pictures: short side 600, centre 600; torchvision publishes the first 8 digits of the hash",
                ),
                Weights(
                    publisher="huggingface",
                    file=File(name="google-efficientnet-b7.safetensors", sha256=""),
                    keys=HUGGINGFACE,
                    licence="Apache-2.0",
                    note="google/efficientnet-b7",
                ),
            ),
        ),
    },
    differs_in_training=("BatchNorm2d", "Dropout", "StochasticDepth"),
    note="Pictures: in [0, 1], minus (0.485, 0.456, 0.406), over (0.229, 0.224, 0.225).",
)
