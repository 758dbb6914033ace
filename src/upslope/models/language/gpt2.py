"""GPT-2: a Transformer that predicts the next token, and so learns tasks that nobody has named to it.

A. Radford, J. Wu, R. Child, D. Luan, D. Amodei, I. Sutskever, "Language Models are Unsupervised Multitask Learners",
2019, https://openai.com/research/better-language-models.

- A decoder alone: a causal mask, learned positions, the head tied to the table of tokens, as in GPT (Radford et al.
  2018, section 3.1).
- The norms stand in front of attention and MLP, and one more behind the last block (section 2.3).
- First weights that write into the residual stream are smaller the more of them there are: 1 / sqrt(2 * depth).
- Bytes, not characters, are what tokens are made of (section 2.2): any text can be read.
- Texts padded on the left give what they give alone: positions count the real tokens.
- Left out: dropout on the weights of attention.
"""

from einops import rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.blocks.language.cache import KeyValueCache
from upslope.blocks.language.initialization import initialize_small
from upslope.blocks.language.masks import causal_mask, padding_mask
from upslope.blocks.language.slots import SlotCache
from upslope.blocks.norms import LayerNorm
from upslope.cards import File, Input, ModelCard, Size, Weights


class GPT2(nn.Module):
    """Tokens (B, T) to logits (B, T, vocab_size) for the token that follows each of them."""

    def __init__(
        self,
        *,
        dim: int,
        depth: int,
        heads: int,
        vocab_size: int = 50_257,
        context: int = 1024,
        dropout: float = 0.1,
        eps: float = 1e-5,
    ) -> None:
        super().__init__()
        if dim % heads:
            raise ValueError(f"heads={heads} does not divide dim={dim}")
        self.context = context
        self.tokens = nn.Embedding(vocab_size, dim)
        self.positions = nn.Embedding(context, dim)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(
            Block(dim, number=number, heads=heads, dropout=dropout, eps=eps) for number in range(depth)
        )
        self.norm = LayerNorm(dim, eps=eps, fused=True)
        self.apply(initialize_small)
        for name, parameter in self.named_parameters():
            if name.endswith(("projection.weight", "down.weight")):
                nn.init.normal_(parameter, std=0.02 * (2 * depth) ** -0.5)

    def forward(
        self, tokens: Int[Tensor, "B T"], cache: KeyValueCache | None = None, mask: Bool[Tensor, "B S"] | None = None
    ) -> Float[Tensor, "B T V"]:
        """`mask` is False where a token is padding; with a cache it speaks of all tokens so far, S of them."""
        start = cache.length if cache is not None else 0
        length = start + tokens.shape[1]
        if length > self.context:
            raise ValueError(f"{length} tokens for a model of context={self.context}")
        if cache is not None:
            cache.read(tokens)
        if isinstance(cache, SlotCache):  # each text at positions of its own, and one new token of each
            x = self.tokens(tokens) + self.positions(cache.positions)[:, None]
            seen: Tensor | None = cache.seen()
        elif mask is None:
            x = self.tokens(tokens) + self.positions.weight[start:length]
            seen = causal_mask(length, start=start, device=tokens.device) if start else None  # else PyTorch's own
        else:
            x = self.tokens(tokens) + self.positions((mask.cumsum(dim=1) - 1).clamp(min=0)[:, start:])
            seen = padding_mask(mask, causal=True, start=start)
        x = self.dropout(x)
        for block in self.blocks:
            x = block(x, seen, cache)
        return F.linear(self.norm(x), self.tokens.weight)


class Block(nn.Module):
    """x + attention(norm1(x)), then x + mlp(norm2(x)); a block knows its number, under which the cache keeps its past.

    `mask`, True where a position (row) may look, is causal if it is not given.
    """

    def __init__(self, dim: int, *, number: int, heads: int, dropout: float, eps: float) -> None:
        super().__init__()
        self.number, self.heads = number, heads
        self.norm1 = LayerNorm(dim, eps=eps, fused=True)
        self.qkv = nn.Linear(dim, 3 * dim)
        self.projection = nn.Linear(dim, dim)
        self.norm2 = LayerNorm(dim, eps=eps, fused=True)
        self.up = nn.Linear(dim, 4 * dim)
        self.activation = nn.GELU(approximate="tanh")
        self.down = nn.Linear(4 * dim, dim)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, x: Float[Tensor, "B T D"], mask: Bool[Tensor, "*#B T S"] | None, cache: KeyValueCache | None = None
    ) -> Float[Tensor, "B T D"]:
        q, k, v = rearrange(self.qkv(self.norm1(x)), "B T (three h d) -> three B h T d", three=3, h=self.heads)
        if cache is not None:
            k, v = cache.extend(self.number, k, v)
        gathered = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=mask is None)
        x = x + self.dropout(self.projection(rearrange(gathered, "B h T d -> B T (h d)")))
        return x + self.dropout(self.down(self.activation(self.up(self.norm2(x)))))


TEXT = (Input((128,), "int64", high=50_257),)
HUGGINGFACE = (  # its keys, and ours; its Conv1D holds matrices with the inputs first, and some files hold masks
    (r"(?:transformer\.)?h\.\d+\.attn\.(?:bias|masked_bias)", ""),
    (r"(?:transformer\.)?wte\.weight", r"=tokens.weight"),
    (r"lm_head\.weight", r"=tokens.weight"),
    (r"(?:transformer\.)?wpe\.weight", r"positions.weight"),
    (r"(?:transformer\.)?h\.(\d+)\.ln_(\d)\.(.+)", r"blocks.\1.norm\2.\3"),
    (r"(?:transformer\.)?h\.(\d+)\.attn\.c_attn\.weight", r"blocks.\1.qkv.weight[T]"),
    (r"(?:transformer\.)?h\.(\d+)\.attn\.c_attn\.bias", r"blocks.\1.qkv.bias"),
    (r"(?:transformer\.)?h\.(\d+)\.attn\.c_proj\.weight", r"blocks.\1.projection.weight[T]"),
    (r"(?:transformer\.)?h\.(\d+)\.attn\.c_proj\.bias", r"blocks.\1.projection.bias"),
    (r"(?:transformer\.)?h\.(\d+)\.mlp\.c_fc\.weight", r"blocks.\1.up.weight[T]"),
    (r"(?:transformer\.)?h\.(\d+)\.mlp\.c_fc\.bias", r"blocks.\1.up.bias"),
    (r"(?:transformer\.)?h\.(\d+)\.mlp\.c_proj\.weight", r"blocks.\1.down.weight[T]"),
    (r"(?:transformer\.)?h\.(\d+)\.mlp\.c_proj\.bias", r"blocks.\1.down.bias"),
    (r"(?:transformer\.)?ln_f\.(.+)", r"norm.\1"),
)

CARD = ModelCard(
    name="gpt2",
    title="GPT-2, a causal Transformer decoder",
    paper="Radford et al. 2019",
    link="https://openai.com/research/better-language-models",
    domain="language",
    builder="GPT2",
    sizes={
        "toy": Size(
            arguments={"vocab_size": 20, "context": 8, "dim": 32, "depth": 2, "heads": 4},
            inputs=(Input((8,), "int64", high=20),),
            output=(8, 20),
        ),
        "gpt2-small": Size(
            arguments={"dim": 768, "depth": 12, "heads": 12},
            inputs=TEXT,
            output=(128, 50_257),
            parameters=124_439_808,
            counted_by="transformers, gpt2",
            weights=(
                Weights(
                    publisher="huggingface",
                    file=File(
                        name="openai-community-gpt2.safetensors",
                        sha256="248dfc3911869ec493c76e65bf2fcf7f615828b0254c12b473182f0f81d3a707",
                        size=548_105_171,
                        urls=("https://huggingface.co/openai-community/gpt2/resolve/main/model.safetensors",),
                    ),
                    keys=HUGGINGFACE,
                    licence="MIT",
                    note="openai-community/gpt2",
                ),
            ),
        ),
        "gpt2-medium": Size(
            arguments={"dim": 1024, "depth": 24, "heads": 16},
            inputs=TEXT,
            output=(128, 50_257),
            parameters=354_823_168,
            counted_by="transformers, gpt2-medium",
        ),
        "gpt2-large": Size(
            arguments={"dim": 1280, "depth": 36, "heads": 20},
            inputs=TEXT,
            output=(128, 50_257),
            parameters=774_030_080,
            counted_by="transformers, gpt2-large",
        ),
        "gpt2-xl": Size(
            arguments={"dim": 1600, "depth": 48, "heads": 25},
            inputs=TEXT,
            output=(128, 50_257),
            parameters=1_557_611_200,
            counted_by="transformers, gpt2-xl",
        ),
    },
    causal=True,
    differs_in_training=("Dropout",),
)
