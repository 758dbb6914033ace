"""A ResNet as a trunk for segmentation: its last two stages halve nothing, and look farther instead.

L.-C. Chen, G. Papandreou, F. Schroff, H. Adam, "Rethinking Atrous Convolution for Semantic Image Segmentation", 2017,
https://arxiv.org/abs/1706.05587, section 3.1. Maps are an eighth of the picture, as finely as places can be told.
"""

from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.blocks.dilation import dilate
from upslope.models.vision.resnet import ResNet


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
