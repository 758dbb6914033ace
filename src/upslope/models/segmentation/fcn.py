"""FCN, fully convolutional: a classifier that answers at every place.

J. Long, E. Shelhamer, T. Darrell, "Fully Convolutional Networks for Semantic Segmentation", 2014,
https://arxiv.org/abs/1411.4038, over a dilated ResNet as torchvision publishes it.

- The trunk's last two stages are dilated, so that its maps are an eighth of the picture and not a 32nd.
- A 3x3 convolution to a quarter of the channels, then a logit for each class, brought to the picture's size bilinearly.
- `auxiliary=True`: in training a second head reads the maps before the last stage.
- Left out: the paper's own trunk, VGG, and the fine maps added on the way up (FCN-16s and 8s).
"""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from upslope.cards import File, Input, ModelCard, Size, Weights
from upslope.models.vision.dilated_resnet import AUXILIARIES, Head, dilated_trunk, logits_at
from upslope.models.vision.dilated_resnet import loss as loss  # named on the card


class FCN(nn.Module):
    """Pictures (B, 3, H, W) to logits (B, K, H, W), and in training to those of the auxiliary head."""

    def __init__(
        self,
        *,
        block: Literal["basic", "bottleneck"] = "bottleneck",
        depths: tuple[int, ...] = (3, 4, 6, 3),
        widths: tuple[int, ...] = (64, 128, 256, 512),
        auxiliary: bool = False,
        in_channels: int = 3,
        num_classes: int = 21,
    ) -> None:
        super().__init__()
        self.trunk = dilated_trunk(block, depths, widths, in_channels)
        outer = 4 if block == "bottleneck" else 1
        last, before = outer * widths[-1], outer * widths[-2]
        self.head = Head(last, last // 4, num_classes)
        self.auxiliary = Head(before, before // 4, num_classes) if auxiliary else None
        self.auxiliary_weights = dict(AUXILIARIES) if auxiliary else {}
        # As the trunk has them: convolutions that are laid out otherwise hold a second copy of wide maps.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B K H W"] | dict[str, Float[Tensor, "B K H W"]]:
        before, last = self.trunk(x)
        logits = logits_at(x, self.head(last))
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
    (r"classifier\.(\d+)\.(.+)", r"head.\1.\2"),
    (r"aux_classifier\.(\d+)\.(.+)", r"auxiliary.\1.\2?"),
)
SMALL = {"block": "basic", "depths": (1, 1, 1, 1), "widths": (16, 32, 64, 96), "in_channels": 1, "num_classes": 2}
TOY = {"block": "basic", "depths": (1, 1, 1), "widths": (8, 16, 16), "num_classes": 3}
CARD = ModelCard(
    name="fcn",
    title="FCN",
    paper="Long, Shelhamer and Darrell 2014",
    link="https://arxiv.org/abs/1411.4038",
    domain="segmentation",
    builder="FCN",
    sizes={
        "toy": Size(arguments=TOY, inputs=(Input(shape=(3, 32, 32)),), output=(3, 32, 32)),
        "toy-auxiliary": Size(
            arguments={**TOY, "auxiliary": True},
            inputs=(Input(shape=(3, 32, 32)),),
            output=(3, 32, 32),
            auxiliaries={"auxiliary": 0.5},
        ),
        "fcn-small": Size(
            arguments=SMALL,
            inputs=(Input(shape=(1, 256, 256)),),
            output=(2, 256, 256),
            parameters=243_538,
            counted_by="hand: 221,456 and 20,736 in the convolutions of trunk and head, 1,296 in norms, 50 at the end",
        ),
        "fcn-r50": Size(
            arguments={},
            inputs=(Input(shape=(3, 520, 520)),),
            output=(21, 520, 520),
            parameters=32_957_013,
            counted_by="torchvision",
        ),
        "fcn-r50-auxiliary": Size(
            arguments={"auxiliary": True},
            inputs=(Input(shape=(3, 520, 520)),),
            output=(21, 520, 520),
            parameters=35_322_218,
            counted_by="torchvision",
            auxiliaries={"auxiliary": 0.5},
            weights=(
                Weights(
                    publisher="torchvision",
                    file=File(
                        name="fcn_resnet50_coco-1167a1af.pth",
                        sha256="1167a1af",
                        urls=("https://download.pytorch.org/models/fcn_resnet50_coco-1167a1af.pth",),
                    ),
                    keys=KEYS,
                    licence="BSD-3-Clause",
                    metrics={"COCO with VOC labels, mean IoU": 0.605},
                    note="pictures: short side 520, ImageNet's mean and deviation; torchvision publishes the first 8 "
                    "digits of the hash",
                ),
            ),
        ),
    },
    differs_in_training=("BatchNorm2d", "Dropout"),
    loss="loss",
)
