"""T5: every task is one text that becomes another.

C. Raffel, N. Shazeer, A. Roberts, K. Lee, S. Narang, M. Matena, Y. Zhou, W. Li, P. Liu, "Exploring the Limits of
Transfer Learning with a Unified Text-to-Text Transformer", 2019, https://arxiv.org/abs/1910.10683.

- Encoder and decoder; the norms stand in front, and only scale (RMS norm); no layer has a bias (section 2.1).
- Relative positions: a learned number for each head and each range of distances is added to attention's scores. The
  table is shared by all blocks of a stack.
- Scores are not divided by sqrt(head_dim); the first weights of the queries are smaller in its place.
- One table of tokens for both inputs and for the head, whose states are divided by sqrt(dim).
- Left out: dropout on the weights of attention, the key-value cache.
"""

from einops import rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.blocks.language.masks import additive_mask, causal_mask, cross_mask, padding_mask
from upslope.blocks.language.relative_buckets import RelativeBias
from upslope.blocks.language.rms_norm import RMSNorm
from upslope.cards import File, Input, ModelCard, Size, Weights


class T5(nn.Module):
    """A source (B, S) and a target (B, T) to logits (B, T, vocab_size) for the token that follows each of the target.

    The target begins with the padding token, 0. Padding on its right needs no mask.
    """

    def __init__(
        self,
        *,
        dim: int,
        depth: int,
        heads: int,
        hidden: int,
        head_dim: int = 64,
        vocab_size: int = 32_128,
        buckets: int = 32,
        max_distance: int = 128,
        dropout: float = 0.1,
    ) -> None:
        """`depth` counts the blocks of each stack, `hidden` is the width inside of the MLPs."""
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, dim)
        self.dropout = nn.Dropout(dropout)
        self.encoder, self.decoder = (
            Stack(
                [Block(dim, heads, head_dim, hidden, dropout, decoder=decoder) for _ in range(depth)],
                RelativeBias(heads, bidirectional=not decoder, buckets=buckets, max_distance=max_distance),
                RMSNorm(dim),
            )
            for decoder in (False, True)
        )

    def forward(
        self,
        source: Int[Tensor, "B S"],
        target: Int[Tensor, "B T"],
        source_mask: Bool[Tensor, "B S"] | None = None,
        target_mask: Bool[Tensor, "B T"] | None = None,
    ) -> Float[Tensor, "B T V"]:
        """The masks are False where a token is padding."""
        return self.decode(target, self.encode(source, source_mask), source_mask, target_mask)

    def encode(
        self, source: Int[Tensor, "B S"], source_mask: Bool[Tensor, "B S"] | None = None
    ) -> Float[Tensor, "B S D"]:
        """The states of the source, which a decoder needs once for all its steps."""
        mask = None if source_mask is None else padding_mask(source_mask)
        return self.dropout(self.encoder(self.dropout(self.embedding(source)), mask))

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
        across = None if source_mask is None else additive_mask(cross_mask(source_mask), states.new_zeros(()))
        x = self.dropout(self.decoder(self.dropout(self.embedding(target)), mask, states, across))
        return F.linear(x * x.shape[-1] ** -0.5, self.embedding.weight)


class Stack(nn.Module):
    """The blocks of the encoder or of the decoder, the positions that they share, and the last norm."""

    def __init__(self, blocks: "list[Block]", positions: RelativeBias, norm: RMSNorm) -> None:
        super().__init__()
        self.blocks, self.positions, self.norm = nn.ModuleList(blocks), positions, norm
        nn.init.normal_(positions.table.weight, std=norm.weight.numel() ** -0.5)

    def forward(
        self,
        x: Float[Tensor, "B T D"],
        mask: Bool[Tensor, "*#B T T"] | None,
        states: Float[Tensor, "B S D"] | None = None,
        across: Float[Tensor, "B 1 1 S"] | None = None,
    ) -> Float[Tensor, "B T D"]:
        bias = self.positions(x.shape[1])
        bias = bias if mask is None else additive_mask(mask, bias)
        for block in self.blocks:
            x = block(x, bias, states, across)
        return self.norm(x)


class Block(nn.Module):
    """x + attention(norm(x)), in a decoder x + attention to the source, then x + mlp(norm(x))."""

    def __init__(self, dim: int, heads: int, head_dim: int, hidden: int, dropout: float, *, decoder: bool) -> None:
        super().__init__()
        self.norm1, self.attention = RMSNorm(dim), Attention(dim, heads, head_dim)
        self.norm2 = RMSNorm(dim) if decoder else None
        self.cross = Attention(dim, heads, head_dim) if decoder else None
        self.norm3 = RMSNorm(dim)
        up, down = nn.Linear(dim, hidden, bias=False), nn.Linear(hidden, dim, bias=False)
        self.mlp = nn.Sequential(up, nn.ReLU(), nn.Dropout(dropout), down)
        self.dropout = nn.Dropout(dropout)
        nn.init.normal_(up.weight, std=dim**-0.5)
        nn.init.normal_(down.weight, std=hidden**-0.5)

    def forward(
        self,
        x: Float[Tensor, "B T D"],
        bias: Float[Tensor, "#B H T T"],
        states: Float[Tensor, "B S D"] | None,
        across: Float[Tensor, "B 1 1 S"] | None,
    ) -> Float[Tensor, "B T D"]:
        x = x + self.dropout(self.attention(self.norm1(x), None, bias))
        if self.norm2 is not None and self.cross is not None:
            x = x + self.dropout(self.cross(self.norm2(x), states, across))
        return x + self.dropout(self.mlp(self.norm3(x)))


class Attention(nn.Module):
    """Attention in heads: scores are not scaled, and `bias` is added to them. It looks at `states`, or at x itself."""

    def __init__(self, dim: int, heads: int, head_dim: int) -> None:
        super().__init__()
        self.heads = heads
        self.q = nn.Linear(dim, heads * head_dim, bias=False)
        self.kv = nn.Linear(dim, 2 * heads * head_dim, bias=False)
        self.projection = nn.Linear(heads * head_dim, dim, bias=False)
        nn.init.normal_(self.q.weight, std=(dim * head_dim) ** -0.5)
        nn.init.normal_(self.kv.weight, std=dim**-0.5)
        nn.init.normal_(self.projection.weight, std=(heads * head_dim) ** -0.5)

    def forward(
        self,
        x: Float[Tensor, "B T D"],
        states: Float[Tensor, "B S D"] | None,
        bias: Float[Tensor, "#B #H #T S"] | None,
    ) -> Float[Tensor, "B T D"]:
        q = rearrange(self.q(x), "B T (h d) -> B h T d", h=self.heads)
        k, v = rearrange(self.kv(x if states is None else states), "B S (two h d) -> two B h S d", two=2, h=self.heads)
        scores = q @ k.transpose(-2, -1)
        weights = (scores if bias is None else scores + bias).softmax(dim=-1)
        return self.projection(rearrange(weights @ v, "B h T d -> B T (h d)"))


HUGGINGFACE = (  # its keys, and ours; a block is a list of layers there: attention, in the decoder the other one, MLP
    (r"decoder\.block\.0\.layer\.1\.EncDecAttention\.relative_attention_bias\.weight", ""),  # in old files, never used
    (r"(?:shared|(?:encoder|decoder)\.embed_tokens|lm_head)\.weight", r"=embedding.weight"),
    (r"(\w+)\.block\.0\.layer\.0\.SelfAttention\.relative_attention_bias\.weight", r"\1.positions.table.weight"),
    (r"(\w+)\.block\.(\d+)\.layer\.0\.SelfAttention\.q\.weight", r"\1.blocks.\2.attention.q.weight"),
    (r"(\w+)\.block\.(\d+)\.layer\.0\.SelfAttention\.k\.weight", r"\1.blocks.\2.attention.kv.weight[1/2]"),
    (r"(\w+)\.block\.(\d+)\.layer\.0\.SelfAttention\.v\.weight", r"\1.blocks.\2.attention.kv.weight[2/2]"),
    (r"(\w+)\.block\.(\d+)\.layer\.0\.SelfAttention\.o\.weight", r"\1.blocks.\2.attention.projection.weight"),
    (r"decoder\.block\.(\d+)\.layer\.1\.EncDecAttention\.q\.weight", r"decoder.blocks.\1.cross.q.weight"),
    (r"decoder\.block\.(\d+)\.layer\.1\.EncDecAttention\.k\.weight", r"decoder.blocks.\1.cross.kv.weight[1/2]"),
    (r"decoder\.block\.(\d+)\.layer\.1\.EncDecAttention\.v\.weight", r"decoder.blocks.\1.cross.kv.weight[2/2]"),
    (r"decoder\.block\.(\d+)\.layer\.1\.EncDecAttention\.o\.weight", r"decoder.blocks.\1.cross.projection.weight"),
    (r"(\w+)\.block\.(\d+)\.layer\.\d\.DenseReluDense\.wi\.weight", r"\1.blocks.\2.mlp.0.weight"),
    (r"(\w+)\.block\.(\d+)\.layer\.\d\.DenseReluDense\.wo\.weight", r"\1.blocks.\2.mlp.3.weight"),
    (r"(\w+)\.block\.(\d+)\.layer\.0\.layer_norm\.weight", r"\1.blocks.\2.norm1.weight"),
    (r"decoder\.block\.(\d+)\.layer\.1\.layer_norm\.weight", r"decoder.blocks.\1.norm2.weight"),
    (r"encoder\.block\.(\d+)\.layer\.1\.layer_norm\.weight", r"encoder.blocks.\1.norm3.weight"),
    (r"decoder\.block\.(\d+)\.layer\.2\.layer_norm\.weight", r"decoder.blocks.\1.norm3.weight"),
    (r"(\w+)\.final_layer_norm\.weight", r"\1.norm.weight"),
)
TINY = {"vocab_size": 20, "dim": 32, "depth": 2, "heads": 4, "hidden": 64}
MASK = Input((8,), "bool", high=2)
TEXTS = (Input((128,), "int64", high=32_128), Input((64,), "int64", high=32_128))

CARD = ModelCard(
    name="t5",
    title="T5, a text-to-text Transformer",
    paper="Raffel et al. 2019",
    link="https://arxiv.org/abs/1910.10683",
    domain="language",
    builder="T5",
    sizes={
        "toy": Size(
            arguments={**TINY, "head_dim": 8, "buckets": 8, "max_distance": 8},
            inputs=(Input((8,), "int64", high=20), Input((8,), "int64", high=20), MASK, MASK),
            output=(8, 20),
        ),
        "t5-small": Size(
            arguments={"dim": 512, "depth": 6, "heads": 8, "hidden": 2048},
            inputs=TEXTS,
            output=(64, 32_128),
            parameters=60_506_624,
            counted_by="transformers, t5-small",
            weights=(
                Weights(
                    publisher="huggingface",
                    file=File("google-t5-t5-small.safetensors", sha256=""),
                    keys=HUGGINGFACE,
                    licence="Apache-2.0",
                    note="google-t5/t5-small",
                ),
            ),
        ),
        "t5-base": Size(
            arguments={"dim": 768, "depth": 12, "heads": 12, "hidden": 3072},
            inputs=TEXTS,
            output=(64, 32_128),
            parameters=222_903_552,
            counted_by="transformers, t5-base",
        ),
        "t5-large": Size(
            arguments={"dim": 1024, "depth": 24, "heads": 16, "hidden": 4096},
            inputs=TEXTS,
            output=(64, 32_128),
            parameters=737_668_096,
            counted_by="transformers, t5-large",
        ),
    },
    differs_in_training=("Dropout",),
    exceptions={
        "coverage": "half of the encoder's buckets are for keys behind the query, and the first of them for distance "
        "0, which no such key has; published tables hold that row"
    },
)
