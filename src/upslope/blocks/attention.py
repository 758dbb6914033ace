"""Attention: every position of a sequence gathers from all positions what it needs.

A. Vaswani et al., "Attention Is All You Need", 2017, https://arxiv.org/abs/1706.03762, section 3.2.

- Scaled dot-product attention (equation 1) written out, so that the table of weights can be seen and changed.
- Multi-head attention (section 3.2.2) with the three input projections as one linear layer.
- `fused=True` asks PyTorch for the same sum without ever holding the whole table, which saves memory where sequences
  are long. On a CPU the written-out form is the faster one up to a few hundred positions.
- Left out: the key-value cache, rotary positions, grouped heads.
"""

from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F


def scaled_dot_product_attention(
    q: Float[Tensor, "*B T D"],
    k: Float[Tensor, "*B S D"],
    v: Float[Tensor, "*B S E"],
    *,
    mask: Bool[Tensor, "*#B T S"] | None = None,
) -> Float[Tensor, "*B T E"]:
    """softmax(q k^T / sqrt(D)) v: for each of T queries the average of S values, weighted by how well the keys match.

    `mask` is True where a query may look; it broadcasts over the leading dimensions. Where it is False the weight is
    exactly 0, and the other weights of that query sum to 1. A query with every key masked gets nan, as a mean over
    nothing does. With q = [[1, 0]], k = [[ln 3 * sqrt 2, 0], [0, 0]] and v = [[4], [0]] the scores are [ln 3, 0], the
    weights [0.75, 0.25] and the result is [[3]]. Vaswani et al. 2017, equation 1.
    """
    # (*B, T, S): how well each query matches each key. Divided by sqrt(D), the scores' variance does not grow with D.
    scores = q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5
    # What a query may not see gets the score -infinity, of which the exponential is 0.
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    # Weights that sum to 1 over the keys, and with them the average of the values.
    return scores.softmax(dim=-1) @ v


class MultiHeadAttention(nn.Module):
    """Self-attention in several heads, each looking in a subspace of its own (Vaswani et al. 2017, section 3.2.2).

    Children: `qkv`, a Linear from dim to 3 * dim whose output holds all queries, then all keys, then all values, each
    split into heads one after the other; `projection`, a Linear from dim to dim over the joined heads. Each head is
    `scaled_dot_product_attention` over its own head_dim = dim / heads numbers. `bias=False` leaves out the bias of qkv;
    projection keeps its own. With `fused` PyTorch's function of that name gives the same numbers. Attributes: `heads`
    and `fused`, as they were asked for. `heads` must divide `dim`; ValueError says "heads=6 does not divide dim=100".

    Where all queries are 0 every position gets the mean of all values: if values and projection are the identity,
    [[1, 3], [3, 5]] becomes [[2, 4], [2, 4]].
    """

    def __init__(self, dim: int, *, heads: int, bias: bool = True, fused: bool = False) -> None:
        super().__init__()
        if dim % heads:
            raise ValueError(f"heads={heads} does not divide dim={dim}")
        self.heads, self.fused = heads, fused
        self.qkv = nn.Linear(dim, 3 * dim, bias=bias)
        self.projection = nn.Linear(dim, dim)

    def forward(
        self, x: Float[Tensor, "B T D"], *, mask: Bool[Tensor, "*#B T T"] | None = None
    ) -> Float[Tensor, "B T D"]:
        """(B, T, dim) to (B, T, dim). `mask`, (T, T) or (B, 1, T, T), is True where a position (row) may look."""
        # One product gives queries, keys and values; each is cut into heads.
        q, k, v = rearrange(self.qkv(x), "B T (three heads d) -> three B heads T d", three=3, heads=self.heads)
        # Every head attends by itself.
        if self.fused:
            gathered = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        else:
            gathered = scaled_dot_product_attention(q, k, v, mask=mask)
        # The heads side by side, mixed by a last linear layer.
        return self.projection(rearrange(gathered, "B heads T d -> B T (heads d)"))
