"""What a token is before the first block: vectors for the word, the position and the segment, added and normed.

J. Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding", 2018,
https://arxiv.org/abs/1810.04805, section 3 and figure 2.
"""

from jaxtyping import Float, Int
from torch import Tensor, nn

from upslope.blocks.norms import LayerNorm


class TokenEmbedding(nn.Module):
    """Tokens (B, T) to vectors (B, T, dim): dropout(norm(token + position + segment)).

    Children: the tables `tokens`, `positions` with `context` rows, and `segments`, which is left out (None) if there
    are none; `norm`, `dropout`. Without `segments` given, every token stands in segment 0; without `positions` given,
    they count from 0. More tokens than `context` are refused: "600 tokens for a model of context=512".
    """

    def __init__(
        self,
        vocab_size: int,
        dim: int,
        *,
        context: int,
        segments: int = 2,
        dropout: float = 0.0,
        eps: float = 1e-12,
        fused: bool = False,
    ) -> None:
        super().__init__()
        self.context = context
        self.tokens = nn.Embedding(vocab_size, dim)
        self.positions = nn.Embedding(context, dim)
        self.segments = nn.Embedding(segments, dim) if segments else None
        self.norm = LayerNorm(dim, eps=eps, fused=fused)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        tokens: Int[Tensor, "B T"],
        segments: Int[Tensor, "B T"] | None = None,
        *,
        positions: Int[Tensor, "B T"] | None = None,
    ) -> Float[Tensor, "B T D"]:
        if tokens.shape[1] > self.context:
            raise ValueError(f"{tokens.shape[1]} tokens for a model of context={self.context}")
        counted = self.positions.weight[: tokens.shape[1]] if positions is None else self.positions(positions)
        x = self.tokens(tokens) + counted
        if self.segments is not None:
            x = x + (self.segments.weight[0] if segments is None else self.segments(segments))
        return self.dropout(self.norm(x))
