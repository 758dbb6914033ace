"""What a network that points at centers should say of a picture whose things are numbered.

B. Cheng et al., "Panoptic-DeepLab", 2019, https://arxiv.org/abs/1911.10194, section 3.2: a bell around the center of
mass of each thing, and from each of its pixels the way there.
"""

import torch
from torch import Tensor


def center_targets(numbers: Tensor, *, sigma: float) -> tuple[Tensor, Tensor]:
    """The heatmap (B, H, W) in [0, 1] and the offsets (B, 2, H, W) in pixels, of numbered things (B, H, W).

    Bells have a standard deviation of `sigma` pixels; where two overlap the higher counts. Offsets lead down and across
    from a pixel to the center of mass of its thing, and are 0 where there is none. Of what a square has cut off nothing
    is known: the center is that of what is there.
    """
    size, height, width = numbers.shape
    y = torch.arange(height, dtype=torch.float32, device=numbers.device)
    x = torch.arange(width, dtype=torch.float32, device=numbers.device)
    heatmap, offsets = torch.zeros(size, height, width), torch.zeros(size, 2, height, width)
    for heat, way, labels in zip(heatmap, offsets, numbers, strict=True):
        there, own = labels.unique(return_inverse=True)
        area = torch.bincount(own.ravel(), minlength=len(there)).float()
        down, across = (
            torch.bincount(own.ravel(), weights=place.expand(height, width).ravel(), minlength=len(there)) / area
            for place in (y[:, None], x[None])
        )
        thing = labels > 0
        way[0], way[1] = (down[own] - y[:, None]) * thing, (across[own] - x) * thing
        down, across = down[there > 0, None], across[there > 0, None]
        if len(down):  # a bell is the product of one down and one across
            bells = [torch.exp(-((a - b) ** 2) / (2 * sigma**2)) for a, b in ((y, down), (x, across))]
            heat.copy_((bells[0][:, :, None] * bells[1][:, None]).amax(dim=0))
    return heatmap.to(numbers.device), offsets.to(numbers.device)
