"""GPT: a Transformer that reads from left to right and says at every position which token comes next.

A. Radford et al., "Improving Language Understanding by Generative Pre-Training", 2018,
https://openai.com/research/language-unsupervised, and "Language Models are Unsupervised Multitask Learners", 2019.
The small parts that have changed since, after K. Jordan et al., modded-nanogpt, 2024,
https://github.com/KellerJordan/modded-nanogpt.

- A causal mask: position t attends to positions up to t only, so all positions learn from one forward pass.
- Rotary positions and RMS norm; queries and keys are normed, too (QK norm); squared ReLU in the MLP; every matrix that
  writes into the residual stream begins at zero, so the model begins as its embedding and its head.
- n-gram embeddings: beside the token's own vector one for the pair (and one for each longer n-gram) that ends there.
  A pair of a small vocabulary has a row of its own, others share the rows of a table by a hash.
- A key-value cache: what earlier positions left behind is not computed again when a text is continued.
- Left out: dropout, biases, sharing the head with the embedding, grouped heads.
"""

import torch
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.blocks.language.cache import KeyValueCache
from upslope.blocks.language.masks import causal_mask
from upslope.blocks.language.rms_norm import rms_norm
from upslope.blocks.language.rotary import rotary_embedding, rotated, rotation
from upslope.blocks.language.slots import SlotCache
from upslope.cards import Input, ModelCard, Size

ROTARY_BASE = 1000.0  # the slowest pair turns once in 6,283 tokens
PAIRS = 2**14  # as many have a row of their own


class GPT(nn.Module):
    """Tokens (B, T) to logits (B, T, vocab_size) for the token that follows each of them."""

    def __init__(
        self,
        *,
        vocab_size: int,
        context: int,
        dim: int,
        depth: int,
        heads: int,
        mlp_ratio: float = 4.0,
        ngrams: tuple[int, ...] | list[int] = (2,),
        buckets: int = 16384,
        rotary: bool = True,
    ) -> None:
        """`ngrams` are the lengths that have an embedding of their own; `buckets` rows for each length above 2."""
        super().__init__()
        if dim % heads:
            raise ValueError(f"heads={heads} does not divide dim={dim}")
        if any(length < 2 for length in ngrams):
            raise ValueError(f"an n-gram has at least 2 tokens, got ngrams={tuple(ngrams)}")
        self.vocab_size, self.context, self.head_dim = vocab_size, context, dim // heads
        self.embedding = nn.Embedding(vocab_size, dim)
        self.longest = max(1, *ngrams) if ngrams else 1
        self.ngrams = nn.ModuleList(NGramEmbedding(length, vocab_size, buckets, dim) for length in ngrams)
        self.blocks = nn.ModuleList(
            Block(dim, number=number, heads=heads, mlp_ratio=mlp_ratio, rotary=rotary) for number in range(depth)
        )
        self.head = nn.Linear(dim, vocab_size, bias=False)
        nn.init.normal_(self.embedding.weight, std=0.5)
        nn.init.zeros_(self.head.weight)

    def forward(self, tokens: Int[Tensor, "B T"], cache: KeyValueCache | None = None) -> Float[Tensor, "B T V"]:
        start = cache.length if cache is not None else 0
        if start + tokens.shape[1] > self.context:
            raise ValueError(f"{start + tokens.shape[1]} tokens for a model of context={self.context}")
        text = tokens if cache is None else cache.read(tokens)
        new, by = tokens.shape[1], None
        x = self.embedding(tokens)
        if isinstance(cache, SlotCache):  # each text at positions of its own, and one new token of each
            text = cache.newest(self.longest)
            turns = rotation(cache.positions, self.head_dim, base=ROTARY_BASE, dtype=x.dtype)
            by = (turns[0][:, None, None], turns[1][:, None, None])
        elif cache is not None:  # the rotation once for all blocks, and of the text what n-grams look back on
            text = text[:, max(0, start + 1 - self.longest) :]
            positions = torch.arange(start, start + new, device=tokens.device)
            by = rotation(positions, self.head_dim, base=ROTARY_BASE, dtype=x.dtype)
        for ngram in self.ngrams:
            x = x + ngram(text)[:, -new:]
        x = rms_norm(x)
        for block in self.blocks:
            x = block(x, start=start, cache=cache, by=by)
        return self.head(rms_norm(x))


class NGramEmbedding(nn.Module):
    """A vector for the n tokens that end at each position; before the text stands token 0."""

    def __init__(self, length: int, vocab_size: int, buckets: int, dim: int) -> None:
        super().__init__()
        self.length, self.vocab_size = length, vocab_size
        self.numbered = length == 2 and vocab_size**2 <= PAIRS
        self.rows = vocab_size**2 if self.numbered else buckets
        self.table = nn.Embedding(self.rows, dim)
        nn.init.zeros_(self.table.weight)

    def forward(self, tokens: Int[Tensor, "B T"]) -> Float[Tensor, "B T D"]:
        row = tokens
        for back in range(1, self.length):
            earlier = F.pad(tokens, (back, 0))[:, : tokens.shape[1]]
            # Pairs are numbered one by one; others are mixed by multiplication (a hash) and may collide.
            row = row * self.vocab_size + earlier if self.numbered else (row * 1_000_003 + earlier + 1) % 2**31
        return self.table(row % self.rows)


class Block(nn.Module):
    """x + attention(norm x), then x + MLP(norm x); a block knows its number, under which the cache keeps its past."""

    def __init__(self, dim: int, *, number: int, heads: int, mlp_ratio: float, rotary: bool) -> None:
        super().__init__()
        self.number, self.heads, self.rotary = number, heads, rotary
        self.qkv = nn.Linear(dim, 3 * dim, bias=False)
        self.projection = nn.Linear(dim, dim, bias=False)
        self.up = nn.Linear(dim, int(mlp_ratio * dim), bias=False)
        self.down = nn.Linear(int(mlp_ratio * dim), dim, bias=False)
        for writes in (self.projection, self.down):
            nn.init.zeros_(writes.weight)

    def forward(
        self,
        x: Float[Tensor, "B T D"],
        *,
        start: int = 0,
        cache: KeyValueCache | None = None,
        by: tuple[Tensor, Tensor] | None = None,
    ) -> Float[Tensor, "B T D"]:
        """`by`: the rotation where each text stands at positions of its own."""
        x = x + self.projection(self.attention(rms_norm(x), start, cache, by))
        return x + self.down(F.relu(self.up(rms_norm(x))).square())

    def attention(
        self, x: Tensor, start: int, cache: KeyValueCache | None, by: tuple[Tensor, Tensor] | None = None
    ) -> Tensor:
        """What each position gathers from those up to its own, heads side by side: (B, T, D)."""
        q, k, v = rearrange(self.qkv(x), "B T (three heads d) -> three B heads T d", three=3, heads=self.heads)
        q, k = rms_norm(q), rms_norm(k)
        if self.rotary and by is not None:
            q, k = rotated(q, by), rotated(k, by)
        elif self.rotary:
            q, k = (rotary_embedding(each, start=start, base=ROTARY_BASE) for each in (q, k))
        if cache is not None:
            k, v = cache.extend(self.number, k, v)
        if isinstance(cache, SlotCache):
            gathered = F.scaled_dot_product_attention(q, k, v, attn_mask=cache.seen())
        elif q.shape[2] == 1:  # it sees all
            gathered = F.scaled_dot_product_attention(q, k, v)
        elif start == 0:
            gathered = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:  # the new rows of the causal mask: (T, S)
            seen = causal_mask(k.shape[2], start=start, device=q.device)
            gathered = F.scaled_dot_product_attention(q, k, v, attn_mask=seen)
        return rearrange(gathered, "B heads T d -> B T (heads d)")


CARD = ModelCard(
    name="gpt",
    title="GPT, a causal Transformer",
    paper="Radford et al. 2018",
    link="https://openai.com/research/language-unsupervised",
    domain="language",
    builder="GPT",
    sizes={
        "toy": Size(
            arguments={
                "vocab_size": 20,
                "context": 16,
                "dim": 32,
                "depth": 2,
                "heads": 4,
                "ngrams": (2, 3),
                "buckets": 64,
            },
            inputs=(Input(shape=(16,), dtype="int64", high=20),),
            output=(16, 20),
        ),
        "gpt-characters": Size(
            arguments={"vocab_size": 65, "context": 128, "dim": 128, "depth": 4, "heads": 4, "ngrams": (2, 3, 4)},
            inputs=(Input(shape=(128,), dtype="int64", high=65),),
            output=(128, 65),
            parameters=5_538_176,
            counted_by="hand: twice 65 x 128, n-grams (4,225 + 2 x 16,384) x 128, 4 blocks of 12 x 128 x 128",
        ),
    },
    causal=True,
)
