"""A ResNet as a trunk for segmentation: its last two stages halve nothing, and look farther instead.

L.-C. Chen, G. Papandreou, F. Schroff, H. Adam, "Rethinking Atrous Convolution for Semantic Image Segmentation", 2017,
https://arxiv.org/abs/1706.05587, section 3.1. Maps are an eighth of the picture, as finely as places can be told.
Beside it what FCN and DeepLabV3 share: the head, and how much the loss of a second head counts.
"""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.blocks.dilation import dilate, to_size
from upslope.models.vision.resnet import ResNet

AUXILIARIES = {"auxiliary": 0.5}  # what the loss of the head behind the last stage but one counts


class Trunk(nn.Module):
    """A ResNet's maps before its last stage and behind it."""

    def __init__(self, network: ResNet) -> None:
        super().__init__()
        self.conv1, self.norm1, self.pool, self.stages = network.conv1, network.norm1, network.pool, network.stages

    def forward(self, x: Float[Tensor, "B C H W"]) -> tuple[Float[Tensor, "B D h w"], Float[Tensor, "B E h w"]]:
        x = self.pool(F.relu(self.norm1(self.conv1(x))))
        *others, last = self.stages.children()
        for stage in others:
            x = stage(x)
        return x, last(x)


def dilated_trunk(
    block: Literal["basic", "bottleneck"], depths: tuple[int, ...], widths: tuple[int, ...], in_channels: int
) -> Trunk:
    """A ResNet whose last two stages halve nothing and look farther instead."""
    network = ResNet(block=block, depths=depths, widths=widths, in_channels=in_channels, num_classes=1)
    dilate(network.stages[-2], first=1, others=2)
    dilate(network.stages[-1], first=2, others=4)
    return Trunk(network)


class Head(nn.Sequential):
    """A 3x3 convolution, and a logit for each class at each place."""

    def __init__(self, in_channels: int, inner: int, num_classes: int, *, dropout: float = 0.1) -> None:
        super().__init__(
            nn.Conv2d(in_channels, inner, 3, padding=1, bias=False),
            nn.BatchNorm2d(inner),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Conv2d(inner, num_classes, 1),
        )


def logits_at(x: Float[Tensor, "B C H W"], small: Float[Tensor, "B K h w"]) -> Float[Tensor, "B K H W"]:
    """Logits at the size of the pictures."""
    # Class by class while they are small: a softmax would make the copy of the large ones.
    return to_size(small.contiguous(), x)


def loss(outputs: Float[Tensor, "B K H W"] | dict[str, Float[Tensor, "B K H W"]], x: Tensor) -> Float[Tensor, ""]:
    """Every pixel of the first class, by each head: for the contract checks."""
    heads = outputs if isinstance(outputs, dict) else {"logits": outputs}
    losses = [
        {"logits": 1.0, **AUXILIARIES}[name] * F.cross_entropy(logits, torch.zeros_like(logits[:, 0], dtype=torch.long))
        for name, logits in heads.items()
    ]
    return torch.stack(losses).sum()
