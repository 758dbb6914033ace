"""Feature pyramid: what coarse maps have understood, at the places that fine maps know.

T.-Y. Lin et al., "Feature Pyramid Networks for Object Detection", 2016, https://arxiv.org/abs/1612.03144.
"""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.blocks.initialization import he_normal_


class FeaturePyramid(nn.Module):
    """Maps of a trunk, fine to coarse, each half as large as the one before, to maps of `channels` and one more.

    From the coarsest down: a 1x1 convolution of the trunk's map, plus the coarser sum, each place four times. A 3x3
    convolution smooths each sum (section 3). The last map is every second place of the coarsest.
    """

    def __init__(self, in_channels: Sequence[int], channels: int) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(nn.Conv2d(each, channels, 1) for each in in_channels)
        self.smooth = nn.ModuleList(nn.Conv2d(channels, channels, 3, padding=1) for _ in in_channels)
        for conv in (*self.lateral, *self.smooth):
            he_normal_(conv.weight)
            nn.init.zeros_(conv.bias)

    def forward(self, maps: Sequence[Float[Tensor, "B _ _ _"]]) -> list[Float[Tensor, "B D _ _"]]:
        """As many maps as came in, and one more."""
        total = self.lateral[-1](maps[-1])
        sums = [total]
        for lateral, each in zip(reversed(self.lateral[:-1]), reversed(maps[:-1]), strict=True):
            total = lateral(each) + F.interpolate(total, size=each.shape[2:], mode="nearest")
            sums.insert(0, total)
        out = [smooth(each) for smooth, each in zip(self.smooth, sums, strict=True)]
        return [*out, F.max_pool2d(out[-1], 1, stride=2)]
