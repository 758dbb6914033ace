"""Stochastic depth: in training, samples skip blocks at random, so that no block relies on the one before it.

G. Huang, Y. Sun, Z. Liu, D. Sedra, K. Weinberger, "Deep Networks with Stochastic Depth", 2016,
https://arxiv.org/abs/1603.09382. Here, as is usual today, each sample draws for itself, and what is kept is scaled up
in training instead of down in evaluation.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn


def stochastic_depth(
    x: Float[Tensor, "B *rest"], *, rate: float, training: bool, generator: torch.Generator | None = None
) -> Float[Tensor, "B *rest"]:
    """Drop the whole of a sample's x with probability `rate`, else divide it by 1 - rate; its mean stays the same.

    Every sample draws for itself. Outside of training, or with rate 0, x comes back as it is. With rate 0.2 a kept
    sample [4, 8] becomes [5, 10], a dropped one [0, 0]. A rate outside of [0, 1) is refused: ValueError says "rate=1.5
    is not in [0, 1)". Randomness comes from `generator`, and from PyTorch's own without one. The dtype of x stays.
    Huang et al. 2016, section 3.
    """
    # A rate of 1 would drop everything, and divide by 0.
    if not 0 <= rate < 1:
        raise ValueError(f"rate={rate} is not in [0, 1)")
    # Nothing is dropped when the network is used.
    if not training or rate == 0:
        return x
    # One draw for each sample, in a shape that broadcasts over all its numbers.
    draws = torch.rand((x.shape[0], *[1] * (x.ndim - 1)), generator=generator, device=x.device)
    # Those kept are scaled up, so that the mean over many draws is x.
    return x * (draws >= rate).to(x.dtype) / (1 - rate)


class StochasticDepth(nn.Module):
    """`stochastic_depth` as a module; it has no parameters."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Float[Tensor, "B *rest"]) -> Float[Tensor, "B *rest"]:
        return stochastic_depth(x, rate=self.rate, training=self.training)
