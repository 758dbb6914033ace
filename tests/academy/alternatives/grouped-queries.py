"""Written out, with the group as a dimension of its own."""

import torch
from torch import Tensor


def grouped_query_attention(
    q: Tensor, k: Tensor, v: Tensor, *, mask: Tensor | None = None, causal: bool = False
) -> Tensor:
    batch, heads, length, deep = q.shape
    kv_heads = k.shape[1]
    if heads % kv_heads != 0:
        raise ValueError(f"heads={heads} and kv_heads={kv_heads} do not fit")
    grouped = q.reshape(batch, kv_heads, heads // kv_heads, length, deep)
    scores = torch.einsum("bkgtd,bksd->bkgts", grouped, k) / deep**0.5
    if causal:
        mask = torch.ones(length, k.shape[2], dtype=torch.bool, device=q.device).tril()
    if mask is not None:
        allowed = mask if mask.ndim == 2 else mask.unsqueeze(2)
        scores = scores.masked_fill(~allowed, -torch.inf)
    out = torch.einsum("bkgts,bkse->bkgte", torch.softmax(scores, dim=-1), v)
    return out.reshape(batch, heads, length, v.shape[-1])
