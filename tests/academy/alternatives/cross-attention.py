"""One head after the other, each with its own rows of the matrices, and the softmax by hand."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class CrossAttention(nn.Module):
    def __init__(self, dim: int, *, context_dim: int, heads: int) -> None:
        super().__init__()
        if dim != heads * (dim // heads):
            raise ValueError(f"heads={heads} does not divide dim={dim}")
        self.projection = nn.Linear(dim, dim)
        self.kv = nn.Linear(context_dim, dim * 2, bias=False)
        self.q = nn.Linear(dim, dim, bias=False)
        self.heads = heads

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        if context is None:
            context = x
        keys, values = self.kv.weight.chunk(2)
        rows = [matrix.chunk(self.heads) for matrix in (self.q.weight, keys, values)]
        gathered = []
        for of_q, of_k, of_v in zip(*rows, strict=True):
            scores = F.linear(x, of_q) @ F.linear(context, of_k).mT / math.sqrt(len(of_q))
            powers = torch.exp(scores - scores.amax(dim=-1, keepdim=True))
            gathered.append(powers / powers.sum(dim=-1, keepdim=True) @ F.linear(context, of_v))
        return self.projection(torch.cat(gathered, dim=-1))
