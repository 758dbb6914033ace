"""One head after the other, each with its own columns."""

import torch
from torch import Tensor, nn

from upslope.blocks.attention import scaled_dot_product_attention


class MultiHeadAttention(nn.Module):
    def __init__(self, dim: int, *, heads: int, bias: bool = True, fused: bool = False) -> None:
        super().__init__()
        self.head_dim, rest = divmod(dim, heads)
        if rest:
            raise ValueError(f"heads={heads} does not divide dim={dim}")
        self.heads = heads
        self.fused = fused
        self.projection = nn.Linear(dim, dim)
        self.qkv = nn.Linear(dim, dim * 3, bias=bias)

    def forward(self, x: Tensor, *, mask: Tensor | None = None) -> Tensor:
        q, k, v = (part.split(self.head_dim, dim=-1) for part in self.qkv(x).chunk(3, dim=-1))
        if mask is not None and mask.ndim == 4:
            mask = mask[:, 0]
        each = [scaled_dot_product_attention(*one, mask=mask) for one in zip(q, k, v, strict=True)]
        return self.projection(torch.cat(each, dim=-1))
