"""The Transformer's encoder block with the norm in front (pre-norm).

A. Vaswani et al., "Attention Is All You Need", 2017, https://arxiv.org/abs/1706.03762; the norm in front as in
A. Dosovitskiy et al. 2020, https://arxiv.org/abs/2010.11929, equations 2 and 3. Left out: dropout behind attention's
last layer (appendix B.1 there).
"""

from jaxtyping import Bool, Float
from torch import Tensor, nn

from upslope.blocks.attention import MultiHeadAttention
from upslope.blocks.depth import StochasticDepth
from upslope.blocks.norms import LayerNorm


class EncoderBlock(nn.Module):
    """x + attention(norm1(x)), then x + mlp(norm2(x)): Dosovitskiy et al. 2020, equations 2 and 3.

    The sums themselves are never normed: x goes through all blocks untouched. Children: `norm1` and `norm2`, LayerNorm
    with `eps`; `attention`, MultiHeadAttention with `heads`; `mlp`, a Sequential of Linear to int(mlp_ratio * dim),
    GELU, Dropout, Linear back to dim, Dropout, both of rate `dropout`; `skip`, StochasticDepth of rate `drop_path`,
    over each of the two branches by itself. Norms and attention also get `fused`.

    Where the last weights of both branches are 0 only their last biases are added: with [10, 20] and [100, 200],
    [[1, 2]] becomes [[111, 222]].
    """

    def __init__(
        self,
        dim: int,
        *,
        heads: int,
        mlp_ratio: float = 4.0,
        dropout: float = 0.0,
        drop_path: float = 0.0,
        eps: float = 1e-6,
        fused: bool = False,
    ) -> None:
        super().__init__()
        hidden = int(mlp_ratio * dim)
        self.norm1 = LayerNorm(dim, eps=eps, fused=fused)
        self.attention = MultiHeadAttention(dim, heads=heads, fused=fused)
        self.norm2 = LayerNorm(dim, eps=eps, fused=fused)
        self.mlp = nn.Sequential(
            nn.Linear(dim, hidden), nn.GELU(), nn.Dropout(dropout), nn.Linear(hidden, dim), nn.Dropout(dropout)
        )
        self.skip = StochasticDepth(drop_path)

    def forward(
        self, x: Float[Tensor, "B T D"], *, mask: Bool[Tensor, "*#B T T"] | None = None
    ) -> Float[Tensor, "B T D"]:
        """(B, T, dim) to (B, T, dim). `mask`, (T, T) or (B, 1, T, T), is True where a position (row) may look."""
        # Positions exchange what they know; the result is added to what each knew.
        x = x + self.skip(self.attention(self.norm1(x), mask=mask))
        # Every position thinks for itself; again the result is added.
        return x + self.skip(self.mlp(self.norm2(x)))
