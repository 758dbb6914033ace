"""With the whole table of what is wanted."""

import torch
from torch import Tensor


def smoothed_cross_entropy(logits: Tensor, labels: Tensor, *, smoothing: float = 0.0) -> Tensor:
    if smoothing < 0 or smoothing >= 1:
        raise ValueError(f"smoothing={smoothing} is not in [0, 1)")
    count, classes = logits.shape
    wanted = torch.full_like(logits, smoothing / classes)
    wanted[torch.arange(count), labels] += 1 - smoothing
    return -(wanted * torch.log_softmax(logits, dim=-1)).sum() / count
