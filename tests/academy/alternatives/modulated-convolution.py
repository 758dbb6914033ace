"""By the definition, sample by sample, with kernels of its own for each."""

from collections.abc import Callable

import torch
from torch import Tensor


def modulated_convolution(
    x: Tensor,
    weight: Tensor,
    style: Tensor,
    *,
    convolve: Callable[[Tensor, Tensor], Tensor],
    demodulate: bool = True,
    epsilon: float = 1e-8,
) -> Tensor:
    out = []
    for one, scales in zip(x, style, strict=True):
        kernels = weight * scales[None, :, None, None]
        if demodulate:
            kernels = kernels / ((kernels**2).sum(dim=(1, 2, 3), keepdim=True) + epsilon).sqrt()
        out.append(convolve(one[None], kernels))
    return torch.cat(out)
