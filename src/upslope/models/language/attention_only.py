"""An attention-only Transformer: token and position embeddings, layers of attention, and a head; no MLP anywhere.

N. Elhage et al., "A Mathematical Framework for Transformer Circuits", 2021,
https://transformer-circuits.pub/2021/framework/index.html; C. Olsson et al., "In-context Learning and Induction Heads",
2022, https://arxiv.org/abs/2209.11895.

- Each layer reads the residual stream and adds to it. Without an MLP all that a network computes is who attends to whom
  and what is copied, so what two layers do can be read off their tables of weights.
- One layer sees tokens and positions; heads of the second also see what heads of the first have written. An induction
  head needs two: one head writes to each position which token stood before it, another one looks for it.
- Left out: dropout; positions that are added to queries and keys alone, as the papers' networks have them.
"""

from jaxtyping import Float, Int
from torch import Tensor, nn

from upslope.blocks.attention import MultiHeadAttention
from upslope.blocks.language.masks import causal_mask
from upslope.blocks.norms import LayerNorm
from upslope.cards import Input, ModelCard, Size


class AttentionOnly(nn.Module):
    """Tokens (B, T) to logits (B, T, vocab_size) for the token that follows each of them."""

    def __init__(self, *, vocab_size: int, context: int, dim: int, depth: int, heads: int) -> None:
        super().__init__()
        self.vocab_size, self.context = vocab_size, context
        self.embedding = nn.Embedding(vocab_size, dim)
        self.positions = nn.Embedding(context, dim)
        self.layers = nn.ModuleList(Layer(dim, heads=heads) for _ in range(depth))
        self.norm = LayerNorm(dim)
        self.head = nn.Linear(dim, vocab_size, bias=False)
        for table in (self.embedding, self.positions):
            nn.init.normal_(table.weight, std=0.3)

    def forward(self, tokens: Int[Tensor, "B T"]) -> Float[Tensor, "B T V"]:
        length = tokens.shape[1]
        if length > self.context:
            raise ValueError(f"{length} tokens for a model of context={self.context}")
        x = self.embedding(tokens) + self.positions.weight[:length]
        mask = causal_mask(length, device=tokens.device)
        for layer in self.layers:
            x = layer(x, mask)
        return self.head(self.norm(x))


class Layer(nn.Module):
    """x + attention(norm x)."""

    def __init__(self, dim: int, *, heads: int) -> None:
        super().__init__()
        self.norm = LayerNorm(dim)
        self.attention = MultiHeadAttention(dim, heads=heads)

    def forward(self, x: Float[Tensor, "B T D"], mask: Tensor) -> Float[Tensor, "B T D"]:
        return x + self.attention(self.norm(x), mask=mask)


CARD = ModelCard(
    name="attention-only",
    title="An attention-only Transformer",
    paper="Elhage et al. 2021",
    link="https://transformer-circuits.pub/2021/framework/index.html",
    domain="language",
    builder="AttentionOnly",
    sizes={
        "toy": Size(
            arguments={"vocab_size": 20, "context": 16, "dim": 32, "depth": 2, "heads": 4},
            inputs=(Input(shape=(16,), dtype="int64", high=20),),
            output=(16, 20),
        ),
        "attention-only-2": Size(
            arguments={"vocab_size": 64, "context": 64, "dim": 64, "depth": 2, "heads": 4},
            inputs=(Input(shape=(64,), dtype="int64", high=64),),
            output=(64, 64),
            parameters=45_952,
            counted_by="hand: 3 x 64 x 64, norms 3 x 128, 2 layers of 4 x 64 x 64 + 4 x 64",
        ),
    },
    causal=True,
)
