"""RMS norm: the features of each position are divided by their root mean square.

B. Zhang, R. Sennrich, "Root Mean Square Layer Normalization", 2019, https://arxiv.org/abs/1910.07467. The
function is without the learned scale, as in recent small language models: the linear layer that follows can learn it.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn


def rms_norm(x: Float[Tensor, "*B D"], *, eps: float = 1e-6) -> Float[Tensor, "*B D"]:
    """x / sqrt(mean(x^2) + eps), with the mean over the last dimension.

    Layer norm without its mean, weight and bias: the sign and the direction of a row stay, its length becomes about
    sqrt(D). Each row is treated alone. rms_norm([1, 7], eps=0) is [0.2, 1.4], since the mean square is 25. Zhang and
    Sennrich 2019, equation 4.
    """
    # The mean of the squares of each row: nothing is subtracted before.
    mean_square = x.square().mean(dim=-1, keepdim=True)
    # Divided by its root; eps keeps a row of zeros from dividing by 0.
    return x * torch.rsqrt(mean_square + eps)


class RMSNorm(nn.Module):
    """`rms_norm` with a learned scale for each feature, `weight`."""

    def __init__(self, dim: int, *, eps: float = 1e-6) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(dim))

    def forward(self, x: Float[Tensor, "*B D"]) -> Float[Tensor, "*B D"]:
        return rms_norm(x, eps=self.eps) * self.weight
