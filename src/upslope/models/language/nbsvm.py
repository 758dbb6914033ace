"""NBSVM: a weight for each term that stands in a text, and their sum; naive Bayes and the SVM are its special cases.

S. Wang, C. Manning, "Baselines and Bigrams: Simple, Good Sentiment and Topic Classification", 2012,
https://aclanthology.org/P12-2018/

- A text is a set of terms, (T,) ids of which none is twice, 0 for padding.
- Each term counts `scale`: in NBSVM its log-count ratio, under TF-IDF its inverse document frequency, for naive Bayes
  1. With `unit_rows` the numbers of a text are divided by their length, so that long texts speak no louder.
- Then one linear layer. It is written for the ids that are there, since nearly all columns of a text are 0.
- The weights are found by `upslope.text.classify`, in closed form or by Newton's method; they can be learned by
  gradients as well.
- Left out: nothing of the classifier; the paper's own features are words and pairs.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from upslope.cards import Input, ModelCard, Size


class NBSVM(nn.Module):
    """Ids of terms (B, T), 0 for padding, to a score for each class (B, num_classes)."""

    def __init__(self, *, vocab_size: int, num_classes: int, scales: int = 1, unit_rows: bool = True) -> None:
        """`scales` is 1, or `num_classes` where a term counts differently for each class."""
        super().__init__()
        if scales not in (1, num_classes):
            raise ValueError(f"scales={scales} is neither 1 nor num_classes={num_classes}")
        self.unit_rows = unit_rows
        self.scale = nn.Embedding(vocab_size, scales, padding_idx=0)
        self.weight = nn.Embedding(vocab_size, num_classes, padding_idx=0)
        self.bias = nn.Parameter(torch.zeros(num_classes))
        with torch.no_grad():
            self.scale.weight[1:].uniform_(0.5, 1.5)
            self.weight.weight[1:] *= 0.1

    def forward(self, terms: Int[Tensor, "B T"]) -> Float[Tensor, "B K"]:
        rows = self.scale(terms) * (terms != 0).unsqueeze(2)  # (B, T, scales)
        if self.unit_rows:
            rows = rows / (rows.square().sum(dim=1, keepdim=True) + 1e-12).sqrt()
        return (rows * self.weight(terms)).sum(dim=1) + self.bias


CARD = ModelCard(
    name="nbsvm",
    title="NBSVM, a linear classifier of terms",
    paper="Wang and Manning 2012",
    link="https://aclanthology.org/P12-2018/",
    domain="language",
    builder="NBSVM",
    sizes={
        "toy": Size(
            arguments={"vocab_size": 20, "num_classes": 4, "unit_rows": False},
            inputs=(Input(shape=(9,), dtype="int64", high=20),),
            output=(4,),
        ),
        "nbsvm-100k": Size(
            arguments={"vocab_size": 100_000, "num_classes": 2},
            inputs=(Input(shape=(256,), dtype="int64", high=100_000),),
            output=(2,),
            parameters=300_002,
            counted_by="hand: a scale and two weights for each term, two intercepts",
        ),
    },
    exceptions={"coverage": "the vector of padding (token 0) is never used and never learned"},
)
