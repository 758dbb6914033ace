"""Attention rollout: from which patches the class token of a Vision Transformer has taken, through all layers.

S. Abnar, W. Zuidema, "Quantifying Attention Flow in Transformers", 2020, https://arxiv.org/abs/2005.00928, section 3.

- A layer mixes tokens by its attention, and its skip connection passes each on as it is: half of each (equation 1).
- The mixtures of all layers, multiplied, say how much of every input token is in every output token.
- The class token's row, without the class token itself, is a map on the grid of patches.
- Left out: attention flow (maximum flow in the same graph), and everything that the value projections and the layers
  between do, so that a map says what may have been read, and the same map stands for every class.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from upslope.blocks.attention_weights import recorded_attention


def rollout(attention: Sequence[Float[Tensor, "B heads T T"]]) -> Float[Tensor, "B T T"]:
    """The product of all layers' mixtures, the first layer's on the right: (B, T, T), whose rows sum to 1.

    Each layer's mixture is half its attention, the mean over the heads, and half the identity, for the skip connection.
    Row t says of which input tokens output token t is made. With the one head [[0, 1], [0, 1]] in two layers, the
    mixture is [[0.5, 0.5], [0, 1]], and the result [[0.25, 0.75], [0, 1]].
    """
    first = attention[0]
    tokens = first.shape[-1]
    total = torch.eye(tokens, dtype=first.dtype, device=first.device).expand(first.shape[0], tokens, tokens)
    for weights in attention:
        mixture = (weights.mean(dim=1) + torch.eye(tokens, dtype=first.dtype, device=first.device)) / 2
        total = mixture @ total
    return total


def patches_of_class_token(total: Float[Tensor, "B T T"], grid: tuple[int, int]) -> Float[Tensor, "B h w"]:
    """What the class token, the first, has taken from each patch, on the grid of patches; its own share is left out."""
    if total.shape[-1] != 1 + grid[0] * grid[1]:
        raise ValueError(f"{total.shape[-1]} tokens are not a class token and {grid[0]} x {grid[1]} patches")
    return total[:, 0, 1:].reshape(-1, *grid)


@torch.no_grad()
def attention_rollout(
    model: nn.Module, x: Float[Tensor, "B C H W"], *, grid: tuple[int, int]
) -> Float[Tensor, "B h w"]:
    """The map of a Vision Transformer with a class token and this grid of patches, for each picture."""
    with recorded_attention() as tables:
        model(x)
    if not tables:
        raise ValueError("the network computes no attention: rollout is for Transformers")
    return patches_of_class_token(rollout(tables), grid)
