"""TextCNN: filters over every run of three, four and five words, and of each filter only its strongest response.

Y. Kim, "Convolutional Neural Networks for Sentence Classification", 2014, https://arxiv.org/abs/1408.5882

- A word is a vector; a filter over n words is a convolution over time, as wide as the vectors (section 2).
- Max-over-time pooling: of each filter the largest response is kept, wherever it stands, so a text of any length
  becomes as many numbers as there are filters.
- Dropout on these, and one linear layer. Token 0 is padding, and no filter begins on it: what the network says of a
  text does not depend on how long the others of its batch are.
- Left out: word2vec's vectors (the paper's CNN-static, -non-static and -multichannel; this is CNN-rand), and the bound
  on the norms of the last layer's weights.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.cards import Input, ModelCard, Size


class TextCNN(nn.Module):
    """Token ids (B, T), 0 for padding, to logits (B, num_classes)."""

    def __init__(
        self,
        *,
        vocab_size: int,
        num_classes: int = 2,
        dim: int = 300,
        widths: tuple[int, ...] = (3, 4, 5),
        filters: int = 100,
        dropout: float = 0.5,
        word_dropout: float = 0.0,
    ) -> None:
        """`filters` of each of the `widths`; `word_dropout` also drops numbers of the words' vectors."""
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, dim, padding_idx=0)
        with torch.no_grad():
            self.embedding.weight[1:].uniform_(-0.25, 0.25)  # as the paper's vectors of unknown words
        self.word_dropout = nn.Dropout(word_dropout)
        self.convolutions = nn.ModuleList(nn.Conv1d(dim, filters, width) for width in widths)
        self.widths = tuple(widths)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(filters * len(widths), num_classes)

    def forward(self, tokens: Int[Tensor, "B T"]) -> Float[Tensor, "B K"]:
        x = self.word_dropout(self.embedding(tokens)).transpose(1, 2)  # (B, D, T)
        begins = (tokens != 0).unsqueeze(1)  # (B, 1, T), where a filter may begin
        pooled = []
        for width, convolution in zip(self.widths, self.convolutions, strict=True):
            # Padded on the right, so that there are as many places as words, even for a single word.
            responses = convolution(F.pad(x, (0, width - 1))).relu()  # (B, C, T)
            pooled.append((responses * begins).amax(dim=2))
        return self.head(self.dropout(torch.cat(pooled, dim=1)))


CARD = ModelCard(
    name="textcnn",
    title="TextCNN",
    paper="Kim 2014",
    link="https://arxiv.org/abs/1408.5882",
    domain="language",
    builder="TextCNN",
    sizes={
        "toy": Size(
            arguments={"vocab_size": 20, "dim": 8, "widths": (2, 3), "filters": 12, "num_classes": 4},
            inputs=(Input(shape=(9,), dtype="int64", high=20),),
            output=(4,),
        ),
        "cnn-rand": Size(
            arguments={"vocab_size": 18_767, "dim": 300, "widths": (3, 4, 5), "filters": 100},
            inputs=(Input(shape=(56,), dtype="int64", high=18_767),),
            output=(2,),
            parameters=5_991_002,
            counted_by="hand: 18,767 x 300 in vectors (the paper's 18,765 words of MR, padding, unknown), "
            "360,300 in filters, 602 in the last layer",
        ),
        "textcnn-small": Size(
            arguments={"vocab_size": 10_000, "dim": 64, "widths": (3, 4, 5), "filters": 64},
            inputs=(Input(shape=(64,), dtype="int64", high=10_000),),
            output=(2,),
            parameters=689_730,
            counted_by="hand: 640,000 in vectors, 49,344 in filters, 386 in the last layer",
        ),
    },
    differs_in_training=("Dropout",),
    exceptions={"coverage": "the vector of padding (token 0) is never used and never learned"},
)
