"""Where a classifier looks on the photographs that it gets wrong: Grad-CAM for what it says and for what is there.

R. R. Selvaraju et al., "Grad-CAM", 2017, https://arxiv.org/abs/1610.02391, section 6.1, which looks at failures so.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Int
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.explain.grad_cam import class_activation_map
from upslope.runs import figures

DRAWN = 8  # mistakes
STRONGEST = 0.8  # how much of a pixel the orange covers at most
ORANGE = np.array([0.87, 0.33, 0.03], dtype=np.float32)


def heat(
    model: nn.Module,
    x: Float[Tensor, "B C H W"],
    target: Int[Tensor, "B"],
    *,
    layer: nn.Module,
    grid: tuple[int, int] | None,
) -> NDArray[np.float32]:
    """What speaks for each picture's class in `target`, (B, H, W) as the picture; the strongest place has 1.

    `layer` and `grid` are what `last_maps` finds; `model` is in evaluation mode.
    """
    maps = class_activation_map(model, x, target, layer=layer, grid=grid)
    maps = maps / maps.amax(dim=(1, 2), keepdim=True).clamp(min=torch.finfo(maps.dtype).tiny)
    large = F.interpolate(maps[:, None], size=x.shape[2:], mode="bilinear", align_corners=False)
    return large[:, 0].cpu().numpy()


def mistakes(
    photographs: NDArray[np.uint8],
    labels: NDArray[np.int64],
    said: NDArray[np.int64],
    seen: Sequence[NDArray[np.float32]],
    classes: Sequence[str],
) -> Figure:
    """A column for each mistake: the photograph, what spoke for the class that was said, and for the true one.

    `photographs` (N, H, W, 3); `seen` is the heat (N, H, W) for the classes in `said`, and that for those in `labels`.
    """
    colors = photographs.astype(np.float32) / 255
    rows, titles = [colors], [classes[label] for label in labels]
    for target, warm in zip((said, labels), seen, strict=True):
        share = STRONGEST * warm[..., None]
        rows.append((1 - share) * colors.mean(axis=-1, keepdims=True) + share * ORANGE)
        titles += [f"for {classes[label]}" for label in target]
    return figures.samples(np.concatenate(rows), np.arange(len(titles)), titles, columns=len(labels))
