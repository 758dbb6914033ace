"""The Transformer's encoder block as it was first built: the norm stands behind each sum (post-norm).

A. Vaswani et al., "Attention Is All You Need", 2017, https://arxiv.org/abs/1706.03762, section 3.1; the same in BERT
and its family, with GELU in place of ReLU. Left out: dropout on the weights of attention, which BERT's code has.
"""

from typing import Literal

from jaxtyping import Bool, Float
from torch import Tensor, nn

from upslope.blocks.attention import MultiHeadAttention
from upslope.blocks.norms import LayerNorm

Activation = Literal["relu", "gelu", "gelu_tanh"]


def activation(name: Activation) -> nn.Module:
    """The nonlinearity of this name; "gelu_tanh" is the approximation of GELU that GPT-2 and ALBERT were trained with.

    Hendrycks and Gimpel 2016, https://arxiv.org/abs/1606.08415, section 2.
    """
    return nn.ReLU() if name == "relu" else nn.GELU(approximate="tanh" if name == "gelu_tanh" else "none")


class PostNormBlock(nn.Module):
    """norm1(x + attention(x)), then norm2(x + mlp(x)): Vaswani et al. 2017, section 3.1.

    Children: `attention`, MultiHeadAttention with `heads`; `mlp`, a Sequential of Linear to `hidden`, the nonlinearity,
    Linear back to dim; `norm1` and `norm2`, LayerNorm with `eps`; `dropout`, over what each branch adds.
    """

    def __init__(
        self,
        dim: int,
        *,
        heads: int,
        hidden: int,
        nonlinearity: Activation = "gelu",
        dropout: float = 0.0,
        eps: float = 1e-12,
        fused: bool = False,
    ) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(dim, heads=heads, fused=fused)
        self.norm1 = LayerNorm(dim, eps=eps, fused=fused)
        self.mlp = nn.Sequential(nn.Linear(dim, hidden), activation(nonlinearity), nn.Linear(hidden, dim))
        self.norm2 = LayerNorm(dim, eps=eps, fused=fused)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, x: Float[Tensor, "B T D"], *, mask: Bool[Tensor, "*#B T T"] | None = None
    ) -> Float[Tensor, "B T D"]:
        """(B, T, dim) to (B, T, dim). `mask`, (T, T) or (B, 1, T, T), is True where a position (row) may look."""
        x = self.norm1(x + self.dropout(self.attention(x, mask=mask)))
        return self.norm2(x + self.dropout(self.mlp(x)))
