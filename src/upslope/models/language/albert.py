"""ALBERT: BERT with a tenth of the parameters, since all its blocks are one.

Z. Lan, M. Chen, S. Goodman, K. Gimpel, P. Sharma, R. Soricut, "ALBERT: A Lite BERT for Self-supervised Learning of
Language Representations", 2019, https://arxiv.org/abs/1909.11942.

- Cross-layer parameter sharing: one block is applied `depth` times (section 3.1).
- Factorized embedding: tokens have short vectors, which a linear layer makes as wide as the states (section 3.1).
- The second task is sentence order: A and B always follow each other in the text, but in which order (section 3.1)?
- GELU in its approximation by tanh. The sizes are those of version 2, which was trained without dropout.
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


class AlbertOutput(NamedTuple):
    """The last states, the text as one vector, and the scores of the two heads where the model has them."""

    states: Float[Tensor, "B T D"]
    pooled: Float[Tensor, "B D"]
    logits: Float[Tensor, "B T V"] | None
    sentence_order: Float[Tensor, "B 2"] | None  # are A and B in their order, or swapped


class Albert(nn.Module):
    """Tokens (B, T) to states (B, T, dim) and to one vector for the text, (B, dim)."""

    def __init__(
        self,
        *,
        dim: int,
        depth: int,
        heads: int,
        hidden: int = 0,
        embedding_dim: int = 128,
        vocab_size: int = 30_000,
        context: int = 512,
        segments: int = 2,
        dropout: float = 0.0,
        eps: float = 1e-12,
        pretraining: bool = False,
        fused: bool = False,
    ) -> None:
        """`hidden` is the width inside of the MLP, 4 * dim if it is 0; `pretraining` adds the two heads."""
        super().__init__()
        self.depth = depth
        self.embedding = TokenEmbedding(
            vocab_size, embedding_dim, context=context, segments=segments, dropout=dropout, eps=eps, fused=fused
        )
        self.expansion = nn.Linear(embedding_dim, dim)
        self.block = PostNormBlock(
            dim,
            heads=heads,
            hidden=hidden or 4 * dim,
            nonlinearity="gelu_tanh",
            dropout=dropout,
            eps=eps,
            fused=fused,
        )
        self.pooler = nn.Linear(dim, dim)
        self.masked_lm: MaskedLMHead | None = None
        self.sentence_order: nn.Linear | None = None
        if pretraining:
            self.masked_lm = MaskedLMHead(
                dim, vocab_size, embedding_dim=embedding_dim, nonlinearity="gelu_tanh", eps=eps, fused=fused
            )
            self.sentence_order = nn.Linear(dim, 2)
        self.apply(initialize_small)

    def forward(
        self,
        tokens: Int[Tensor, "B T"],
        mask: Bool[Tensor, "B T"] | None = None,
        segments: Int[Tensor, "B T"] | None = None,
    ) -> AlbertOutput:
        """`mask` is False where a token is padding; `segments` holds 0 for A and 1 for B."""
        x = self.expansion(self.embedding(tokens, segments))
        seen = None if mask is None else padding_mask(mask)
        for _ in range(self.depth):
            x = self.block(x, mask=seen)
        pooled = self.pooler(x[:, 0]).tanh()
        logits = self.masked_lm(x, self.embedding.tokens.weight) if self.masked_lm is not None else None
        return AlbertOutput(x, pooled, logits, self.sentence_order(pooled) if self.sentence_order is not None else None)


def loss(output: AlbertOutput, tokens: Tensor, mask: Tensor, segments: Tensor) -> Tensor:
    """The sum of both tasks' cross-entropies, for a text in which nothing is hidden."""
    assert output.logits is not None
    assert output.sentence_order is not None
    return F.cross_entropy(output.logits[mask], tokens[mask]) + F.cross_entropy(output.sentence_order, segments[:, -1])


TEXT = (Input((128,), "int64", high=30_000), Input((128,), "bool", high=2), Input((128,), "int64", high=2))
HUGGINGFACE = (  # its keys, and ours
    (r"(?:albert\.)?embeddings\.position_ids", ""),
    (r"(?:albert\.)?embeddings\.word_embeddings\.(.+)", r"embedding.tokens.\1"),
    (r"(?:albert\.)?embeddings\.position_embeddings\.(.+)", r"embedding.positions.\1"),
    (r"(?:albert\.)?embeddings\.token_type_embeddings\.(.+)", r"embedding.segments.\1"),
    (r"(?:albert\.)?embeddings\.LayerNorm\.(.+)", r"embedding.norm.\1"),
    (r"(?:albert\.)?encoder\.embedding_hidden_mapping_in\.(.+)", r"expansion.\1"),
    (r".+\.albert_layers\.0\.attention\.query\.(.+)", r"block.attention.qkv.\1[1/3]"),
    (r".+\.albert_layers\.0\.attention\.key\.(.+)", r"block.attention.qkv.\1[2/3]"),
    (r".+\.albert_layers\.0\.attention\.value\.(.+)", r"block.attention.qkv.\1[3/3]"),
    (r".+\.albert_layers\.0\.attention\.dense\.(.+)", r"block.attention.projection.\1"),
    (r".+\.albert_layers\.0\.attention\.LayerNorm\.(.+)", r"block.norm1.\1"),
    (r".+\.albert_layers\.0\.ffn\.(.+)", r"block.mlp.0.\1"),
    (r".+\.albert_layers\.0\.ffn_output\.(.+)", r"block.mlp.2.\1"),
    (r".+\.albert_layers\.0\.full_layer_layer_norm\.(.+)", r"block.norm2.\1"),
    (r"(?:albert\.)?pooler\.(.+)", r"pooler.\1"),
    (r"predictions\.decoder\.weight", r"=embedding.tokens.weight"),
    (r"predictions\.(?:decoder\.)?bias", r"=masked_lm.bias?"),
    (r"predictions\.dense\.(.+)", r"masked_lm.dense.\1?"),
    (r"predictions\.LayerNorm\.(.+)", r"masked_lm.norm.\1?"),
    (r"sop_classifier\.classifier\.(.+)", r"sentence_order.\1?"),
)
TOY = {"vocab_size": 20, "context": 8, "embedding_dim": 16, "dim": 32, "depth": 2, "heads": 4, "dropout": 0.1}

CARD = ModelCard(
    name="albert",
    title="ALBERT, BERT with shared parameters",
    paper="Lan et al. 2019",
    link="https://arxiv.org/abs/1909.11942",
    domain="language",
    builder="Albert",
    sizes={
        "toy": Size(
            arguments={**TOY, "pretraining": True},
            inputs=(Input((8,), "int64", high=20), Input((8,), "bool", high=2), Input((8,), "int64", high=2)),
            outputs={"states": (8, 32), "pooled": (32,), "logits": (8, 20), "sentence_order": (2,)},
        ),
        "albert-base": Size(
            arguments={"dim": 768, "depth": 12, "heads": 12, "fused": True},
            inputs=TEXT,
            outputs={"states": (128, 768), "pooled": (768,)},
            parameters=11_683_584,
            counted_by="transformers, AlbertModel of albert-base-v2",
            weights=(
                Weights(
                    publisher="huggingface",
                    file=File("albert-albert-base-v2.safetensors", sha256=""),
                    keys=HUGGINGFACE,
                    licence="Apache-2.0",
                    note="albert/albert-base-v2",
                ),
            ),
        ),
        "albert-large": Size(
            arguments={"dim": 1024, "depth": 24, "heads": 16, "fused": True},
            inputs=TEXT,
            outputs={"states": (128, 1024), "pooled": (1024,)},
            parameters=17_683_968,
            counted_by="transformers, AlbertModel of albert-large-v2",
        ),
        "albert-xlarge": Size(
            arguments={"dim": 2048, "depth": 24, "heads": 16, "fused": True},
            inputs=TEXT,
            outputs={"states": (128, 2048), "pooled": (2048,)},
            parameters=58_724_864,
            counted_by="transformers, AlbertModel of albert-xlarge-v2",
        ),
        "albert-xxlarge": Size(
            arguments={"dim": 4096, "depth": 12, "heads": 64, "fused": True},
            inputs=TEXT,
            outputs={"states": (128, 4096), "pooled": (4096,)},
            parameters=222_595_584,
            counted_by="transformers, AlbertModel of albert-xxlarge-v2",
        ),
    },
    differs_in_training=("Dropout",),
    loss="loss",
)
