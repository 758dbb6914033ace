"""The same with sums and counts."""

from collections.abc import Callable

from torch import Tensor


def cycle_loss(
    x: Tensor,
    y: Tensor,
    *,
    fake_x: Tensor,
    fake_y: Tensor,
    to_x: Callable[[Tensor], Tensor],
    to_y: Callable[[Tensor], Tensor],
) -> Tensor:
    pairs = ((to_x(fake_y), x), (to_y(fake_x), y))
    parts = [(back - original).abs().sum() / original.numel() for back, original in pairs]
    return parts[0] + parts[1]
