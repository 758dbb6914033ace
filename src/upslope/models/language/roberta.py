"""RoBERTa: BERT, trained for longer, on more text, and with fewer ideas.

Y. Liu, M. Ott, N. Goyal, J. Du, M. Joshi, D. Chen, O. Levy, M. Lewis, L. Zettlemoyer, V. Stoyanov, "RoBERTa: A Robustly
Optimized BERT Pretraining Approach", 2019, https://arxiv.org/abs/1907.11692.

- The network of BERT. New is the training (section 4): other tokens are hidden in every epoch (dynamic masking), the
  task of the next sentence is dropped, batches are large, tokens are made of bytes.
- One segment only. Positions count the real tokens from 2 on, and padding, token 1, stands at position 1: so the
  authors' code has it, and so the published tables have two rows more than the text may have tokens.
- `pretraining=True` adds the head for masked language modeling. Published files have no pooler.
- Left out: dropout on the weights of attention; the heads of single tasks.
"""

from typing import NamedTuple

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.blocks.language.embeddings import TokenEmbedding
from upslope.blocks.language.initialization import initialize_small
from upslope.blocks.language.masked_lm import MaskedLMHead
from upslope.blocks.language.masks import padding_mask
from upslope.blocks.language.post_norm import PostNormBlock
from upslope.cards import File, Input, ModelCard, Size, Weights


class RobertaOutput(NamedTuple):
    """The last states; the text as one vector, and the scores of hidden tokens, where the model has these parts."""

    states: Float[Tensor, "B T D"]
    pooled: Float[Tensor, "B D"] | None
    logits: Float[Tensor, "B T V"] | None


class Roberta(nn.Module):
    """Tokens (B, T) to states (B, T, dim)."""

    def __init__(
        self,
        *,
        dim: int,
        depth: int,
        heads: int,
        hidden: int = 0,
        vocab_size: int = 50_265,
        context: int = 512,
        pad: int = 1,
        dropout: float = 0.1,
        eps: float = 1e-5,
        pooler: bool = True,
        pretraining: bool = False,
        fused: bool = False,
    ) -> None:
        """`hidden` is the width inside of the MLPs, 4 * dim if it is 0; `pad` is the token of padding."""
        super().__init__()
        self.context, self.pad = context, pad
        self.embedding = TokenEmbedding(
            vocab_size, dim, context=context + pad + 1, segments=1, dropout=dropout, eps=eps, fused=fused
        )
        self.blocks = nn.ModuleList(
            PostNormBlock(dim, heads=heads, hidden=hidden or 4 * dim, dropout=dropout, eps=eps, fused=fused)
            for _ in range(depth)
        )
        self.pooler = nn.Linear(dim, dim) if pooler else None
        self.masked_lm = MaskedLMHead(dim, vocab_size, eps=eps, fused=fused) if pretraining else None
        self.apply(initialize_small)

    def forward(self, tokens: Int[Tensor, "B T"], mask: Bool[Tensor, "B T"] | None = None) -> RobertaOutput:
        """`mask` is False where a token is padding."""
        if tokens.shape[1] > self.context:
            raise ValueError(f"{tokens.shape[1]} tokens for a model of context={self.context}")
        x = self.embedding(tokens, positions=positions_of(tokens, pad=self.pad))
        seen = None if mask is None else padding_mask(mask)
        for block in self.blocks:
            x = block(x, mask=seen)
        pooled = self.pooler(x[:, 0]).tanh() if self.pooler is not None else None
        logits = self.masked_lm(x, self.embedding.tokens.weight) if self.masked_lm is not None else None
        return RobertaOutput(x, pooled, logits)


def positions_of(tokens: Int[Tensor, "B T"], *, pad: int = 1) -> Int[Tensor, "B T"]:
    """The rows of the table of positions: pad + 1 for the first real token, pad + 2 for the second; pad for padding."""
    real = (tokens != pad).long()
    return real.cumsum(dim=1) * real + pad


def loss(output: RobertaOutput, tokens: Tensor, mask: Tensor) -> Tensor:
    """Cross-entropy of the tokens, for a text in which nothing is hidden."""
    assert output.logits is not None
    return F.cross_entropy(output.logits[mask], tokens[mask])


TEXT = (Input((128,), "int64", high=50_265), Input((128,), "bool", high=2))
HUGGINGFACE = (  # its keys, and ours
    (r"(?:roberta\.)?embeddings\.(?:position_ids|token_type_ids)", ""),
    (r"(?:roberta\.)?embeddings\.word_embeddings\.(.+)", r"embedding.tokens.\1"),
    (r"(?:roberta\.)?embeddings\.position_embeddings\.(.+)", r"embedding.positions.\1"),
    (r"(?:roberta\.)?embeddings\.token_type_embeddings\.(.+)", r"embedding.segments.\1"),
    (r"(?:roberta\.)?embeddings\.LayerNorm\.(.+)", r"embedding.norm.\1"),
    (r"(?:roberta\.)?encoder\.layer\.(\d+)\.attention\.self\.query\.(.+)", r"blocks.\1.attention.qkv.\2[1/3]"),
    (r"(?:roberta\.)?encoder\.layer\.(\d+)\.attention\.self\.key\.(.+)", r"blocks.\1.attention.qkv.\2[2/3]"),
    (r"(?:roberta\.)?encoder\.layer\.(\d+)\.attention\.self\.value\.(.+)", r"blocks.\1.attention.qkv.\2[3/3]"),
    (r"(?:roberta\.)?encoder\.layer\.(\d+)\.attention\.output\.dense\.(.+)", r"blocks.\1.attention.projection.\2"),
    (r"(?:roberta\.)?encoder\.layer\.(\d+)\.attention\.output\.LayerNorm\.(.+)", r"blocks.\1.norm1.\2"),
    (r"(?:roberta\.)?encoder\.layer\.(\d+)\.intermediate\.dense\.(.+)", r"blocks.\1.mlp.0.\2"),
    (r"(?:roberta\.)?encoder\.layer\.(\d+)\.output\.dense\.(.+)", r"blocks.\1.mlp.2.\2"),
    (r"(?:roberta\.)?encoder\.layer\.(\d+)\.output\.LayerNorm\.(.+)", r"blocks.\1.norm2.\2"),
    (r"(?:roberta\.)?pooler\.dense\.(.+)", r"pooler.\1?"),
    (r"lm_head\.decoder\.weight", r"=embedding.tokens.weight"),
    (r"lm_head\.(?:decoder\.)?bias", r"=masked_lm.bias?"),
    (r"lm_head\.dense\.(.+)", r"masked_lm.dense.\1?"),
    (r"lm_head\.layer_norm\.(.+)", r"masked_lm.norm.\1?"),
)

CARD = ModelCard(
    name="roberta",
    title="RoBERTa, BERT with a better training",
    paper="Liu et al. 2019",
    link="https://arxiv.org/abs/1907.11692",
    domain="language",
    builder="Roberta",
    sizes={
        "toy": Size(
            arguments={"vocab_size": 20, "context": 8, "dim": 32, "depth": 2, "heads": 4, "pretraining": True},
            inputs=(Input((8,), "int64", high=20), Input((8,), "bool", high=2)),
            outputs={"states": (8, 32), "pooled": (32,), "logits": (8, 20)},
        ),
        "roberta-base": Size(
            arguments={"dim": 768, "depth": 12, "heads": 12, "fused": True},
            inputs=TEXT,
            outputs={"states": (128, 768), "pooled": (768,)},
            parameters=124_645_632,
            counted_by="transformers, RobertaModel of roberta-base",
        ),
        "roberta-large": Size(
            arguments={"dim": 1024, "depth": 24, "heads": 16, "fused": True},
            inputs=TEXT,
            outputs={"states": (128, 1024), "pooled": (1024,)},
            parameters=355_359_744,
            counted_by="transformers, RobertaModel of roberta-large",
        ),
        "roberta-base-pretraining": Size(
            arguments={"dim": 768, "depth": 12, "heads": 12, "pooler": False, "pretraining": True, "fused": True},
            inputs=TEXT,
            outputs={"states": (128, 768), "logits": (128, 50_265)},
            parameters=124_697_433,
            counted_by="transformers, RobertaForMaskedLM of roberta-base",
            weights=(
                Weights(
                    publisher="huggingface",
                    file=File("FacebookAI-roberta-base.safetensors", sha256=""),
                    keys=HUGGINGFACE,
                    licence="MIT",
                    note="FacebookAI/roberta-base",
                ),
            ),
        ),
    },
    differs_in_training=("Dropout",),
    exceptions={
        "coverage": "positions count from 2, or 1 for padding: published tables hold a row 0 that nobody reads"
    },
    loss="loss",
)
