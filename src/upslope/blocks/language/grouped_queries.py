"""Grouped-query attention: several heads of queries look through one head of keys and values.

J. Ainslie et al., "GQA: Training Generalized Multi-Query Transformer Models from Multi-Head Checkpoints", 2023,
https://arxiv.org/abs/2305.13245; one head for all: N. Shazeer, "Fast Transformer Decoding: One Write-Head is All You
Need", 2019, https://arxiv.org/abs/1911.02150. Attention itself is PyTorch's fused function (blocks/attention.py has it
written out).
"""

from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F


def grouped_query_attention(
    q: Float[Tensor, "B H T D"],
    k: Float[Tensor, "B K S D"],
    v: Float[Tensor, "B K S E"],
    *,
    mask: Bool[Tensor, "*#B T S"] | None = None,
    causal: bool = False,
) -> Float[Tensor, "B H T E"]:
    """Scaled dot-product attention of H heads of queries with K heads of keys and values, each shared by H / K of them.

    Query head h looks through head h div (H / K): neighbours share one. With K = H this is multi-head attention, with
    K = 1 multi-query attention. `mask`, (T, S) or (B, 1, T, S), is True where a query may look, in all heads alike;
    `causal` stands for the lower triangle and is for T = S without a mask. K must divide H; ValueError says "kv_heads=4
    does not divide heads=6". With q = [[[[0]], [[0]], [[0]], [[0]]]] each query averages: for any k of 2 heads and v =
    [[[[1], [3]], [[5], [7]]]] the result is [[[[2]], [[2]], [[6]], [[6]]]]. Ainslie et al. 2023, section 2.2.
    """
    heads, kv_heads = q.shape[1], k.shape[1]
    if heads % kv_heads:
        raise ValueError(f"kv_heads={kv_heads} does not divide heads={heads}")
    group = heads // kv_heads
    # One new token: the queries of a group are so many rows for their head of keys, and nothing is copied.
    if q.shape[2] == 1:
        rows = q.reshape(q.shape[0], kv_heads, group, -1)
        gathered = F.scaled_dot_product_attention(rows, k, v, attn_mask=mask)
        return gathered.flatten(1, 2).unsqueeze(2)
    # Else each head of keys and values stands there as often as it is used, beside itself.
    k, v = k.repeat_interleave(group, dim=1), v.repeat_interleave(group, dim=1)
    # From here on it is attention as ever: every head by itself.
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal)
