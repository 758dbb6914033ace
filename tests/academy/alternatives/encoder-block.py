"""With the children made in another order, and the first branch in a method of its own."""

from torch import Tensor, nn

from upslope.blocks.attention import MultiHeadAttention
from upslope.blocks.depth import StochasticDepth
from upslope.blocks.norms import LayerNorm


class EncoderBlock(nn.Module):
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
        hidden = int(dim * mlp_ratio)
        wide = [nn.Linear(dim, hidden), nn.GELU(), nn.Dropout(p=dropout)]
        self.mlp = nn.Sequential(*wide, nn.Linear(hidden, dim), nn.Dropout(p=dropout))
        self.skip = StochasticDepth(drop_path)
        self.attention = MultiHeadAttention(dim, heads=heads, fused=fused)
        self.norm1, self.norm2 = (LayerNorm(dim, eps=eps, fused=fused) for _ in range(2))

    def attend(self, x: Tensor, mask: Tensor | None) -> Tensor:
        return self.skip(self.attention(self.norm1(x), mask=mask))

    def forward(self, x: Tensor, *, mask: Tensor | None = None) -> Tensor:
        attended = x + self.attend(x, mask)
        return attended + self.skip(self.mlp(self.norm2(attended)))
