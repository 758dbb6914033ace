"""Occlusion: how much a score falls when a part of the picture is covered.

M. D. Zeiler, R. Fergus, "Visualizing and Understanding Convolutional Networks", 2013, https://arxiv.org/abs/1311.2901,
section 4.2 and figure 7.

- A square of one value moves over the picture; at each position the network is asked again. No gradient is needed, and
  what is measured is what really happens.
- `spread` brings the grid of positions back to pixels: each pixel gets the mean over the squares that covered it.
- Left out: covering with noise or with what the surroundings suggest. A grey square is a new thing in the picture, and
  a network may answer to the square.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

Score = Callable[[Tensor], Tensor]  # (N, C, H, W) to (N, *K)


@torch.no_grad()
def occlusion(
    score: Score, x: Float[Tensor, "C H W"], *, window: int, stride: int, value: float | Tensor = 0.0
) -> Float[Tensor, "h w *K"]:
    """score(x) minus the score with a square covered, for each position of the square.

    `score` takes pictures (N, C, H, W) and gives one number for each, (N,), or several, (N, K). The square is `window`
    pixels wide, and all its pixels in all channels become `value`: a number, or one for each channel, (C, 1, 1). Its
    upper left corner lies at 0, stride, 2 * stride, ... down and across, until the square reaches the far edge, beyond
    which it is cut off: h is ceil((H - window) / stride) + 1, and 1 if the window is larger than the picture. x is not
    changed.

    With score = the sum of all pixels, [[1, 2, 3], [4, 5, 6], [7, 8, 9]], window=2, stride=1 and the value 0 the result
    is [[12, 16], [24, 28]]: what lies under the square is what is lost. Zeiler and Fergus 2013, section 4.2.
    """
    # The corners of the squares, until one reaches the far edge.
    rows, columns = (range(0, max(size - window, 0) + stride, stride) for size in x.shape[-2:])
    (whole,) = score(x[None])
    lost = []
    for top in rows:
        # A row of positions at a time, as one batch of copies of the picture.
        covered = x.repeat(len(columns), 1, 1, 1)
        for copy, left in zip(covered, columns, strict=True):
            copy[:, top : top + window, left : left + window] = value
        # Positive where the covered part spoke for the score.
        lost.append(whole - score(covered))
    return torch.stack(lost)


def spread(lost: Float[Tensor, "h w"], size: tuple[int, int], *, window: int, stride: int) -> Float[Tensor, "H W"]:
    """For each pixel of a picture of this size the mean over the windows that covered it; 0 where none did."""
    total, count = lost.new_zeros(size), lost.new_zeros(size)
    rows, columns = (range(0, max(each - window, 0) + stride, stride) for each in size)
    for row, top in enumerate(rows):
        for column, left in enumerate(columns):
            place = (slice(top, top + window), slice(left, left + window))
            total[place] += lost[row, column]
            count[place] += 1
    return total / count.clamp(min=1)
