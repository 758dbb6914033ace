"""fastText: the mean of the vectors of a text's words and pairs of words, and one linear layer.

A. Joulin, E. Grave, P. Bojanowski, T. Mikolov, "Bag of Tricks for Efficient Text Classification", 2016,
https://arxiv.org/abs/1607.01759

- Words, and pairs of neighbours as if they were words, have a vector each; their mean is the text (section 2.2). Beyond
  the pairs, order is lost.
- The vectors are learned with the classifier and nothing else.
- Ours: dropout on the mean, without which a few thousand texts are known by heart.
- Left out: pairs that share a vector by hashing, and the hierarchical softmax, both for vocabularies and numbers of
  classes that are larger than ours.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from upslope.cards import Input, ModelCard, Size


class FastText(nn.Module):
    """Ids of words and pairs (B, T), 0 for padding, to logits (B, num_classes)."""

    def __init__(self, *, vocab_size: int, num_classes: int, dim: int = 10, dropout: float = 0.0) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, dim, padding_idx=0)
        with torch.no_grad():
            self.embedding.weight[1:].uniform_(-1 / dim, 1 / dim)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(dim, num_classes)

    def forward(self, tokens: Int[Tensor, "B T"]) -> Float[Tensor, "B K"]:
        count = (tokens != 0).sum(dim=1, keepdim=True).clamp(min=1)
        mean = self.embedding(tokens).sum(dim=1) / count  # the vector of padding is 0
        return self.head(self.dropout(mean))


CARD = ModelCard(
    name="fasttext",
    title="fastText, a bag of vectors",
    paper="Joulin et al. 2016",
    link="https://arxiv.org/abs/1607.01759",
    domain="language",
    builder="FastText",
    sizes={
        "toy": Size(
            arguments={"vocab_size": 20, "num_classes": 4, "dim": 16, "dropout": 0.1},
            inputs=(Input(shape=(9,), dtype="int64", high=20),),
            output=(4,),
        ),
        "fasttext-10": Size(
            arguments={"vocab_size": 100_000, "num_classes": 2, "dim": 10},
            inputs=(Input(shape=(256,), dtype="int64", high=100_000),),
            output=(2,),
            parameters=1_000_022,
            counted_by="hand: 100,000 x 10, head 22",
        ),
    },
    differs_in_training=("Dropout",),
    exceptions={"coverage": "the vector of padding (token 0) is never used and never learned"},
)
