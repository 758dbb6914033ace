"""DeepLabV3: the same maps seen at several scales at once.

L.-C. Chen, G. Papandreou, F. Schroff, H. Adam, "Rethinking Atrous Convolution for Semantic Image Segmentation", 2017,
https://arxiv.org/abs/1706.05587, over a dilated ResNet as torchvision publishes it.

- The trunk's last two stages are dilated (`models/vision/dilated_resnet.py`).
- An atrous pyramid: 1x1, three dilated 3x3 convolutions, and the mean of the whole picture (`blocks/dilation.py`).
- `auxiliary=True`: in training a second head reads the maps before the last stage.
- Left out: the multi-grid rates inside a stage (section 3.2.1), and the decoder of DeepLabV3+.
"""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from upslope.blocks.dilation import AtrousPyramid
from upslope.cards import File, Input, ModelCard, Size, Weights
from upslope.models.vision.dilated_resnet import AUXILIARIES, Head, dilated_trunk, logits_at
from upslope.models.vision.dilated_resnet import loss as loss  # named on the card


class DeepLabV3(nn.Module):
    """Pictures (B, 3, H, W) to logits (B, K, H, W), and in training to those of the auxiliary head."""

    def __init__(
        self,
        *,
        block: Literal["basic", "bottleneck"] = "bottleneck",
        depths: tuple[int, ...] = (3, 4, 6, 3),
        widths: tuple[int, ...] = (64, 128, 256, 512),
        auxiliary: bool = False,
        in_channels: int = 3,
        rates: tuple[int, ...] = (12, 24, 36),
        channels: int = 256,
        num_classes: int = 21,
    ) -> None:
        super().__init__()
        self.trunk = dilated_trunk(block, depths, widths, in_channels)
        outer = 4 if block == "bottleneck" else 1
        self.pyramid = AtrousPyramid(outer * widths[-1], channels, rates=rates, dropout=0.5)
        self.head = Head(channels, channels, num_classes, dropout=0.0)
        before = outer * widths[-2]
        self.auxiliary = Head(before, before // 4, num_classes) if auxiliary else None
        self.auxiliary_weights = dict(AUXILIARIES) if auxiliary else {}
        # As the trunk has them: convolutions that are laid out otherwise hold a second copy of wide maps.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B K H W"] | dict[str, Float[Tensor, "B K H W"]]:
        before, last = self.trunk(x)
        logits = logits_at(x, self.head(self.pyramid(last)))
        if not self.training or self.auxiliary is None:
            return logits
        return {"logits": logits, "auxiliary": logits_at(x, self.auxiliary(before))}


KEYS = (  # torchvision's keys, and ours
    (r"backbone\.conv1\.(.+)", r"trunk.conv1.\1"),
    (r"backbone\.bn1\.(.+)", r"trunk.norm1.\1"),
    (r"backbone\.layer1\.(\d+)\.conv(.+)", r"trunk.stages.0.\1.conv\2"),
    (r"backbone\.layer2\.(\d+)\.conv(.+)", r"trunk.stages.1.\1.conv\2"),
    (r"backbone\.layer3\.(\d+)\.conv(.+)", r"trunk.stages.2.\1.conv\2"),
    (r"backbone\.layer4\.(\d+)\.conv(.+)", r"trunk.stages.3.\1.conv\2"),
    (r"backbone\.layer1\.(\d+)\.bn(.+)", r"trunk.stages.0.\1.norm\2"),
    (r"backbone\.layer2\.(\d+)\.bn(.+)", r"trunk.stages.1.\1.norm\2"),
    (r"backbone\.layer3\.(\d+)\.bn(.+)", r"trunk.stages.2.\1.norm\2"),
    (r"backbone\.layer4\.(\d+)\.bn(.+)", r"trunk.stages.3.\1.norm\2"),
    (r"backbone\.layer1\.(\d+)\.downsample\.(.+)", r"trunk.stages.0.\1.shortcut.\2"),
    (r"backbone\.layer2\.(\d+)\.downsample\.(.+)", r"trunk.stages.1.\1.shortcut.\2"),
    (r"backbone\.layer3\.(\d+)\.downsample\.(.+)", r"trunk.stages.2.\1.shortcut.\2"),
    (r"backbone\.layer4\.(\d+)\.downsample\.(.+)", r"trunk.stages.3.\1.shortcut.\2"),
    (r"classifier\.0\.convs\.0\.(\d)\.(.+)", r"pyramid.branches.0.\1.\2"),
    (r"classifier\.0\.convs\.1\.(\d)\.(.+)", r"pyramid.branches.1.\1.\2"),
    (r"classifier\.0\.convs\.2\.(\d)\.(.+)", r"pyramid.branches.2.\1.\2"),
    (r"classifier\.0\.convs\.3\.(\d)\.(.+)", r"pyramid.branches.3.\1.\2"),
    (r"classifier\.0\.convs\.4\.1\.(.+)", r"pyramid.mean.0.\1"),
    (r"classifier\.0\.convs\.4\.2\.(.+)", r"pyramid.mean.1.\1"),
    (r"classifier\.0\.project\.([01])\.(.+)", r"pyramid.join.\1.\2"),
    (r"classifier\.1\.(.+)", r"head.0.\1"),
    (r"classifier\.2\.(.+)", r"head.1.\1"),
    (r"classifier\.4\.(.+)", r"head.4.\1"),
    (r"aux_classifier\.(\d+)\.(.+)", r"auxiliary.\1.\2?"),
)
SMALL = {
    "block": "basic",
    "depths": (1, 1, 1, 1),
    "widths": (16, 32, 64, 96),
    "in_channels": 1,
    "rates": (2, 4, 6),
    "channels": 48,
    "num_classes": 2,
}
TOY = {"block": "basic", "depths": (1, 1, 1), "widths": (8, 16, 16), "rates": (1, 2), "channels": 6, "num_classes": 3}
CARD = ModelCard(
    name="deeplab",
    title="DeepLabV3",
    paper="Chen, Papandreou, Schroff and Adam 2017",
    link="https://arxiv.org/abs/1706.05587",
    domain="segmentation",
    builder="DeepLabV3",
    sizes={
        "toy": Size(arguments=TOY, inputs=(Input(shape=(3, 32, 32)),), output=(3, 32, 32)),
        "toy-auxiliary": Size(
            arguments={**TOY, "auxiliary": True},
            inputs=(Input(shape=(3, 32, 32)),),
            output=(3, 32, 32),
            auxiliaries={"auxiliary": 0.5},
        ),
        "deeplab-small": Size(
            arguments=SMALL,
            inputs=(Input(shape=(1, 256, 256)),),
            output=(2, 256, 256),
            parameters=389_362,
            counted_by="hand: 221,456 in the trunk's convolutions, 145,152 in the pyramid, 20,736 in the head, 1,920 "
            "in norms, 98 at the end",
        ),
        "deeplab-r50": Size(
            arguments={},
            inputs=(Input(shape=(3, 520, 520)),),
            output=(21, 520, 520),
            parameters=39_638_869,
            counted_by="torchvision",
        ),
        "deeplab-r50-auxiliary": Size(
            arguments={"auxiliary": True},
            inputs=(Input(shape=(3, 520, 520)),),
            output=(21, 520, 520),
            parameters=42_004_074,
            counted_by="torchvision",
            auxiliaries={"auxiliary": 0.5},
            weights=(
                Weights(
                    publisher="torchvision",
                    file=File(
                        name="deeplabv3_resnet50_coco-cd0a2569.pth",
                        sha256="cd0a2569",
                        urls=("https://download.pytorch.org/models/deeplabv3_resnet50_coco-cd0a2569.pth",),
                    ),
                    keys=KEYS,
                    licence="BSD-3-Clause",
                    metrics={"COCO with VOC labels, mean IoU": 0.664},
                    note="pictures: short side 520, ImageNet's mean and deviation; torchvision publishes the first 8 "
                    "digits of the hash",
                ),
            ),
        ),
    },
    differs_in_training=("BatchNorm2d", "Dropout"),
    loss="loss",
)
