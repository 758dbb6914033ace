"""Layer normalization: each position of a sequence is brought to mean 0 and variance 1 over its features.

J. Ba, J. Kiros, G. Hinton, "Layer Normalization", 2016, https://arxiv.org/abs/1607.06450.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F


def layer_norm(
    x: Float[Tensor, "*B D"], weight: Float[Tensor, " D"], bias: Float[Tensor, " D"], *, eps: float = 1e-6
) -> Float[Tensor, "*B D"]:
    """(x - mean) / sqrt(variance + eps) * weight + bias, with mean and variance over the last dimension.

    The variance divides by D, not by D - 1. Each row is treated alone, so neither the batch nor training or evaluation
    changes the result. layer_norm([1, 3], weight=[1, 2], bias=[0, 2], eps=0) is [-1, 4]. Ba et al. 2016, equations 3
    and 4.
    """
    # The mean of each row, and how far every feature lies from it.
    centred = x - x.mean(dim=-1, keepdim=True)
    # The mean of the squared distances is the variance; eps keeps a constant row from dividing by 0.
    variance = centred.square().mean(dim=-1, keepdim=True)
    # Mean 0 and variance 1, then a scale and a shift that are learned, feature by feature.
    return centred * torch.rsqrt(variance + eps) * weight + bias


class LayerNorm(nn.Module):
    """`layer_norm` with its learned `weight` and `bias`; `fused=True` asks PyTorch's own kernel for the same."""

    def __init__(self, dim: int, *, eps: float = 1e-6, fused: bool = False) -> None:
        super().__init__()
        self.eps, self.fused = eps, fused
        self.weight = nn.Parameter(torch.ones(dim))
        self.bias = nn.Parameter(torch.zeros(dim))

    def forward(self, x: Float[Tensor, "*B D"]) -> Float[Tensor, "*B D"]:
        if self.fused:
            return F.layer_norm(x, x.shape[-1:], self.weight, self.bias, self.eps)
        return layer_norm(x, self.weight, self.bias, eps=self.eps)
