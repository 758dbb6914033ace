"""From the numbers of rows and columns, compared with each other."""

import torch
from torch import Tensor


def padding_mask(real: Tensor, *, causal: bool = False, start: int = 0) -> Tensor:
    batch, length = real.shape
    column = torch.arange(length, device=real.device).view(1, 1, 1, length)
    row = torch.arange(start, length, device=real.device).view(1, 1, length - start, 1)
    allowed = real.view(batch, 1, 1, length) & (column <= row if causal else column >= 0)
    return torch.where(column == row, True, allowed)
