"""One level up in U-Net: from below comes what there is, from across where it is.

O. Ronneberger, P. Fischer, T. Brox, "U-Net: Convolutional Networks for Biomedical Image Segmentation", 2015,
https://arxiv.org/abs/1505.04597, section 2 and the right half of figure 1.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor


def unet_block(
    x: Float[Tensor, "B C H W"],
    across: Float[Tensor, "B D Y X"],
    *,
    upsample: Callable[[Tensor], Tensor],
    convolutions: Callable[[Tensor], Tensor],
) -> Float[Tensor, "B E h w"]:
    """result = convolutions([middle, upsample(x)]), the two joined as channels, with the middle of `across` first.

    x are the maps of the level below, and `across` those that left this level on the way down. `upsample` makes x as
    large as this level is. Where `across` is larger only its middle is taken: of n rows too many n // 2 are cut above
    and the rest below, and likewise of columns on the left and on the right. ValueError, which names the sizes that do
    not fit, if `across` is smaller. If both layers change nothing, x is [[0]] and `across` is
    [[1, 2, 3], [4, 5, 6], [7, 8, 9]], the middle is [[5]] and the result [[[[5]], [[0]]]]. Ronneberger et al. 2015,
    figure 1.
    """
    # What is below, at the size of this level.
    up = upsample(x)
    height, width = up.shape[2:]
    # Each convolution without padding has cost a place at every edge: of what comes across the middle fits.
    top, left = (across.shape[2] - height) // 2, (across.shape[3] - width) // 2
    if top < 0 or left < 0:
        raise ValueError(f"across has {across.shape[2]} x {across.shape[3]} places, fewer than {height} x {width}")
    middle = across[:, :, top : top + height, left : left + width]
    # Beside each other, not added: the convolutions have weights for each.
    return convolutions(torch.cat([middle, up], dim=1))
