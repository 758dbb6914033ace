"""By the length of each row, which is sqrt(D) times the root mean square."""

import torch
from torch import Tensor


def rms_norm(x: Tensor, *, eps: float = 1e-6) -> Tensor:
    size = x.shape[-1]
    return x / torch.sqrt((x * x).sum(-1, keepdim=True) / size + eps)
