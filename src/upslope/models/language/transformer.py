"""The Transformer: translation with attention alone, no recurrence and no convolution.

A. Vaswani, N. Shazeer, N. Parmar, J. Uszkoreit, L. Jones, A. Gomez, L. Kaiser, I. Polosukhin, "Attention Is All You
Need", 2017, https://arxiv.org/abs/1706.03762.

- An encoder reads the source, every position seeing all others; a decoder writes the target, every position seeing
  those before it (a causal mask) and, by a second attention, the states of the source (section 3.1).
- Multi-head attention, divided by sqrt(head_dim) (section 3.2); positions as sines and cosines (section 3.5).
- The norm stands behind each sum; dropout on each branch and on the embeddings (section 5.4).
- One table of tokens for source, target and head; what it gives to the blocks is multiplied by sqrt(dim) (section 3.4).
- The projections of attention have biases, which the paper's formulas leave out, as in most implementations.
- Left out: label smoothing and the schedule, which are training; beam search; the key-value cache.
"""

from einops import rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.blocks.attention import MultiHeadAttention, scaled_dot_product_attention
from upslope.blocks.language.masks import causal_mask, cross_mask, padding_mask
from upslope.blocks.language.post_norm import PostNormBlock
from upslope.blocks.language.sinusoidal import sinusoidal_positions
from upslope.blocks.norms import LayerNorm
from upslope.cards import Input, ModelCard, Size


class Transformer(nn.Module):
    """A source (B, S) and a target (B, T) to logits (B, T, vocab_size): what follows each token of the target."""

    def __init__(
        self,
        *,
        dim: int,
        depth: int,
        heads: int,
        hidden: int,
        vocab_size: int = 37_000,
        dropout: float = 0.1,
        eps: float = 1e-6,
        fused: bool = False,
    ) -> None:
        """`depth` counts the blocks of each stack, `hidden` is the width inside of the MLPs."""
        super().__init__()
        if dim % 2:
            raise ValueError(f"dim={dim} is odd, and positions are pairs of a sine and a cosine")
        self.embedding = nn.Embedding(vocab_size, dim)
        self.dropout = nn.Dropout(dropout)
        self.encoder = nn.ModuleList(
            PostNormBlock(dim, heads=heads, hidden=hidden, nonlinearity="relu", dropout=dropout, eps=eps, fused=fused)
            for _ in range(depth)
        )
        self.decoder = nn.ModuleList(
            DecoderBlock(dim, heads=heads, hidden=hidden, dropout=dropout, eps=eps, fused=fused) for _ in range(depth)
        )
        for parameter in self.parameters():
            if parameter.ndim > 1:
                nn.init.xavier_uniform_(parameter)
        nn.init.normal_(self.embedding.weight, std=dim**-0.5)

    def forward(
        self,
        source: Int[Tensor, "B S"],
        target: Int[Tensor, "B T"],
        source_mask: Bool[Tensor, "B S"] | None = None,
        target_mask: Bool[Tensor, "B T"] | None = None,
    ) -> Float[Tensor, "B T V"]:
        """The masks are False where a token is padding."""
        return self.decode(target, self.encode(source, source_mask), source_mask, target_mask)

    def embed(self, tokens: Int[Tensor, "B T"]) -> Float[Tensor, "B T D"]:
        """Tokens and positions, added."""
        table = self.embedding.weight
        positions = sinusoidal_positions(tokens.shape[1], table.shape[1], device=tokens.device)
        return self.dropout(self.embedding(tokens) * table.shape[1] ** 0.5 + positions.to(table.dtype))

    def encode(
        self, source: Int[Tensor, "B S"], source_mask: Bool[Tensor, "B S"] | None = None
    ) -> Float[Tensor, "B S D"]:
        """The states of the source, which a decoder needs once for all its steps."""
        x = self.embed(source)
        mask = None if source_mask is None else padding_mask(source_mask)
        for block in self.encoder:
            x = block(x, mask=mask)
        return x

    def decode(
        self,
        target: Int[Tensor, "B T"],
        states: Float[Tensor, "B S D"],
        source_mask: Bool[Tensor, "B S"] | None = None,
        target_mask: Bool[Tensor, "B T"] | None = None,
    ) -> Float[Tensor, "B T V"]:
        """The logits of the target, given the states of the source."""
        mask = causal_mask(target.shape[1], device=target.device)
        mask = mask if target_mask is None else padding_mask(target_mask, causal=True)
        across = None if source_mask is None else cross_mask(source_mask).expand(-1, 1, target.shape[1], -1)
        x = self.embed(target)
        for block in self.decoder:
            x = block(x, states, mask=mask, across=across)
        return F.linear(x, self.embedding.weight)


class DecoderBlock(nn.Module):
    """norm1(x + attention(x)), norm2(x + cross(x, states)), norm3(x + mlp(x)): section 3.1, with dropout as there."""

    def __init__(self, dim: int, *, heads: int, hidden: int, dropout: float, eps: float, fused: bool) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(dim, heads=heads, fused=fused)
        self.norm1 = LayerNorm(dim, eps=eps, fused=fused)
        self.cross = CrossAttention(dim, heads=heads, fused=fused)
        self.norm2 = LayerNorm(dim, eps=eps, fused=fused)
        self.mlp = nn.Sequential(nn.Linear(dim, hidden), nn.ReLU(), nn.Linear(hidden, dim))
        self.norm3 = LayerNorm(dim, eps=eps, fused=fused)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        x: Float[Tensor, "B T D"],
        states: Float[Tensor, "B S D"],
        *,
        mask: Bool[Tensor, "*#B T T"],
        across: Bool[Tensor, "B 1 T S"] | None,
    ) -> Float[Tensor, "B T D"]:
        x = self.norm1(x + self.dropout(self.attention(x, mask=mask)))
        x = self.norm2(x + self.dropout(self.cross(x, states, mask=across)))
        return self.norm3(x + self.dropout(self.mlp(x)))


class CrossAttention(nn.Module):
    """Multi-head attention whose queries come from the decoder, its keys and values from the encoder: section 3.2.3."""

    def __init__(self, dim: int, *, heads: int, fused: bool) -> None:
        super().__init__()
        self.heads, self.fused = heads, fused
        self.q = nn.Linear(dim, dim)
        self.kv = nn.Linear(dim, 2 * dim)
        self.projection = nn.Linear(dim, dim)

    def forward(
        self, x: Float[Tensor, "B T D"], states: Float[Tensor, "B S D"], *, mask: Bool[Tensor, "B 1 T S"] | None
    ) -> Float[Tensor, "B T D"]:
        q = rearrange(self.q(x), "B T (heads d) -> B heads T d", heads=self.heads)
        k, v = rearrange(self.kv(states), "B S (two heads d) -> two B heads S d", two=2, heads=self.heads)
        if self.fused:
            gathered = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        else:
            gathered = scaled_dot_product_attention(q, k, v, mask=mask)
        return self.projection(rearrange(gathered, "B heads T d -> B T (heads d)"))


TEXTS = (Input((32,), "int64", high=37_000), Input((24,), "int64", high=37_000))
TEXT = Input((8,), "int64", high=20)
MASK = Input((8,), "bool", high=2)

CARD = ModelCard(
    name="transformer",
    title="Transformer, the encoder and decoder of 2017",
    paper="Vaswani et al. 2017",
    link="https://arxiv.org/abs/1706.03762",
    domain="language",
    builder="Transformer",
    sizes={
        "toy": Size(
            arguments={"vocab_size": 20, "dim": 32, "depth": 2, "heads": 4, "hidden": 64},
            inputs=(TEXT, TEXT, MASK, MASK),
            output=(8, 20),
        ),
        "transformer-base": Size(
            arguments={"dim": 512, "depth": 6, "heads": 8, "hidden": 2048, "fused": True},
            inputs=TEXTS,
            output=(24, 37_000),
            parameters=63_082_496,
            counted_by="hand: table 37,000 x 512, 6 encoder blocks of 3,152,384, 6 decoder blocks of 4,204,032",
        ),
        "transformer-big": Size(
            arguments={"dim": 1024, "depth": 6, "heads": 16, "hidden": 4096, "dropout": 0.3, "fused": True},
            inputs=TEXTS,
            output=(24, 37_000),
            parameters=214_245_376,
            counted_by="hand: table 37,000 x 1,024, 6 encoder blocks of 12,596,224, 6 decoder blocks of 16,796,672",
        ),
    },
    differs_in_training=("Dropout",),
    note="The paper prints 65 and 213 million parameters for its vocabulary of about 37,000 tokens.",
)
