"""DistilBERT: half of BERT's blocks, taught by BERT.

V. Sanh, L. Debut, J. Chaumond, T. Wolf, "DistilBERT, a distilled version of BERT: smaller, faster, cheaper and
lighter", 2019, https://arxiv.org/abs/1910.01108.

- The network of BERT with every second block left out, without segments and without the pooler (section 3); it begins
  with the teacher's own weights.
- Knowledge distillation (section 2): the student learns the teacher's probabilities, softened by a temperature. Their
  small numbers say which wrong tokens are nearly right.
- `pretraining=True` adds the head for masked language modeling.
- Left out: the third part of the loss, the cosine between the states of both; dropout on the weights of attention.
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


def distillation_loss(
    student: Float[Tensor, "*B V"], teacher: Float[Tensor, "*B V"], *, temperature: float = 2.0
) -> Float[Tensor, ""]:
    """The cross-entropy of softened probabilities, less its least value: the mean KL divergence, times temperature^2.

    Both logits are divided by the temperature before the softmax. The factor keeps the gradient as large as it is at
    temperature 1 (Hinton et al. 2015, https://arxiv.org/abs/1503.02531, section 2). Where both say the same it is 0;
    with the student's logits [0, 0], the teacher's [2 ln 3, 0] and temperature 2 the teacher's probabilities are
    [0.75, 0.25], and the loss is 4 * (0.75 ln 1.5 + 0.25 ln 0.5) = 0.5232.
    """
    # The logarithms of both distributions, made flatter by the temperature.
    ours = (student / temperature).log_softmax(dim=-1)
    wanted = (teacher / temperature).log_softmax(dim=-1)
    # How much is lost where the student speaks in place of the teacher, on average over the positions.
    divergence = (wanted.exp() * (wanted - ours)).sum(dim=-1).mean()
    # Flat distributions have small gradients.
    return divergence * temperature**2


class DistilBertOutput(NamedTuple):
    """The last states, and the scores of hidden tokens where the model has the head."""

    states: Float[Tensor, "B T D"]
    logits: Float[Tensor, "B T V"] | None


class DistilBert(nn.Module):
    """Tokens (B, T) to states (B, T, dim)."""

    def __init__(
        self,
        *,
        dim: int,
        depth: int,
        heads: int,
        hidden: int = 0,
        vocab_size: int = 30_522,
        context: int = 512,
        dropout: float = 0.1,
        eps: float = 1e-12,
        pretraining: bool = False,
        fused: bool = False,
    ) -> None:
        """`hidden` is the width inside of the MLPs, 4 * dim if it is 0."""
        super().__init__()
        self.embedding = TokenEmbedding(
            vocab_size, dim, context=context, segments=0, dropout=dropout, eps=eps, fused=fused
        )
        self.blocks = nn.ModuleList(
            PostNormBlock(dim, heads=heads, hidden=hidden or 4 * dim, dropout=dropout, eps=eps, fused=fused)
            for _ in range(depth)
        )
        self.masked_lm = MaskedLMHead(dim, vocab_size, eps=eps, fused=fused) if pretraining else None
        self.apply(initialize_small)

    def forward(self, tokens: Int[Tensor, "B T"], mask: Bool[Tensor, "B T"] | None = None) -> DistilBertOutput:
        """`mask` is False where a token is padding."""
        x = self.embedding(tokens)
        seen = None if mask is None else padding_mask(mask)
        for block in self.blocks:
            x = block(x, mask=seen)
        logits = self.masked_lm(x, self.embedding.tokens.weight) if self.masked_lm is not None else None
        return DistilBertOutput(x, logits)


def loss(output: DistilBertOutput, tokens: Tensor, mask: Tensor) -> Tensor:
    """Cross-entropy of the tokens, for a text in which nothing is hidden."""
    assert output.logits is not None
    return F.cross_entropy(output.logits[mask], tokens[mask])


TEXT = (Input((128,), "int64", high=30_522), Input((128,), "bool", high=2))
HUGGINGFACE = (  # its keys, and ours
    (r"(?:distilbert\.)?embeddings\.position_ids", ""),
    (r"(?:distilbert\.)?embeddings\.word_embeddings\.(.+)", r"embedding.tokens.\1"),
    (r"(?:distilbert\.)?embeddings\.position_embeddings\.(.+)", r"embedding.positions.\1"),
    (r"(?:distilbert\.)?embeddings\.LayerNorm\.(.+)", r"embedding.norm.\1"),
    (r"(?:distilbert\.)?transformer\.layer\.(\d+)\.attention\.q_lin\.(.+)", r"blocks.\1.attention.qkv.\2[1/3]"),
    (r"(?:distilbert\.)?transformer\.layer\.(\d+)\.attention\.k_lin\.(.+)", r"blocks.\1.attention.qkv.\2[2/3]"),
    (r"(?:distilbert\.)?transformer\.layer\.(\d+)\.attention\.v_lin\.(.+)", r"blocks.\1.attention.qkv.\2[3/3]"),
    (r"(?:distilbert\.)?transformer\.layer\.(\d+)\.attention\.out_lin\.(.+)", r"blocks.\1.attention.projection.\2"),
    (r"(?:distilbert\.)?transformer\.layer\.(\d+)\.sa_layer_norm\.(.+)", r"blocks.\1.norm1.\2"),
    (r"(?:distilbert\.)?transformer\.layer\.(\d+)\.ffn\.lin1\.(.+)", r"blocks.\1.mlp.0.\2"),
    (r"(?:distilbert\.)?transformer\.layer\.(\d+)\.ffn\.lin2\.(.+)", r"blocks.\1.mlp.2.\2"),
    (r"(?:distilbert\.)?transformer\.layer\.(\d+)\.output_layer_norm\.(.+)", r"blocks.\1.norm2.\2"),
    (r"vocab_projector\.weight", r"=embedding.tokens.weight"),
    (r"vocab_projector\.bias", r"masked_lm.bias?"),
    (r"vocab_transform\.(.+)", r"masked_lm.dense.\1?"),
    (r"vocab_layer_norm\.(.+)", r"masked_lm.norm.\1?"),
)

CARD = ModelCard(
    name="distilbert",
    title="DistilBERT, a small BERT taught by BERT",
    paper="Sanh et al. 2019",
    link="https://arxiv.org/abs/1910.01108",
    domain="language",
    builder="DistilBert",
    sizes={
        "toy": Size(
            arguments={"vocab_size": 20, "context": 8, "dim": 32, "depth": 2, "heads": 4, "pretraining": True},
            inputs=(Input((8,), "int64", high=20), Input((8,), "bool", high=2)),
            outputs={"states": (8, 32), "logits": (8, 20)},
        ),
        "distilbert-base": Size(
            arguments={"dim": 768, "depth": 6, "heads": 12, "fused": True},
            inputs=TEXT,
            outputs={"states": (128, 768)},
            parameters=66_362_880,
            counted_by="transformers, DistilBertModel of distilbert-base-uncased",
            weights=(
                Weights(
                    publisher="huggingface",
                    file=File("distilbert-distilbert-base-uncased.safetensors", sha256=""),
                    keys=HUGGINGFACE,
                    licence="Apache-2.0",
                    note="distilbert/distilbert-base-uncased",
                ),
            ),
        ),
        "distilbert-base-pretraining": Size(
            arguments={"dim": 768, "depth": 6, "heads": 12, "pretraining": True, "fused": True},
            inputs=TEXT,
            outputs={"states": (128, 768), "logits": (128, 30_522)},
            parameters=66_985_530,
            counted_by="transformers, DistilBertForMaskedLM of distilbert-base-uncased",
        ),
    },
    differs_in_training=("Dropout",),
    loss="loss",
)
