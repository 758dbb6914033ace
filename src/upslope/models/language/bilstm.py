"""BiLSTM tagger: every word is read with what stands before it and with what comes behind it.

M. Schuster, K. Paliwal, "Bidirectional Recurrent Neural Networks", 1997, https://doi.org/10.1109/78.650093.
Z. Huang, W. Xu, K. Yu, "Bidirectional LSTM-CRF Models for Sequence Tagging", 2015, https://arxiv.org/abs/1508.01991.

- One LSTM reads from the left and one from the right; at each word both states say together which tag it has.
- `direction="forward"` or "backward" reads in one direction only, with a state as wide as both have together.
- A word is the sum of two learned vectors: of the word itself, and of its ending, which also speaks for words that
  training has not seen (the spelling features of section 4.2, in the smallest form).
- Left out: the CRF over the tags; published word vectors; the other features.
"""

from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.blocks.language.recurrent import LSTM
from upslope.cards import Input, ModelCard, Size


class BiLSTM(nn.Module):
    """Words and their endings (B, T), of `lengths` (B,), to logits (B, T, num_classes)."""

    def __init__(
        self,
        *,
        vocab_size: int,
        endings: int,
        num_classes: int,
        embedding_dim: int,
        dim: int,
        direction: Literal["both", "forward", "backward"] = "both",
        dropout: float = 0.0,
    ) -> None:
        """`dim` numbers of state at each word, whatever the direction."""
        super().__init__()
        if direction not in ("both", "forward", "backward"):
            raise ValueError(f'direction="{direction}" is none of both, forward and backward')
        if direction == "both" and dim % 2:
            raise ValueError(f"dim={dim} is odd, and two directions share it evenly")
        self.direction = direction
        self.words = nn.Embedding(vocab_size, embedding_dim)
        self.endings = nn.Embedding(endings, embedding_dim)
        self.dropout = nn.Dropout(dropout)
        both = direction == "both"
        self.lstm = LSTM(embedding_dim, dim // 2 if both else dim, bidirectional=both, forget_bias=1.0)
        self.head = nn.Linear(dim, num_classes)

    def forward(
        self, words: Int[Tensor, "B T"], endings: Int[Tensor, "B T"], lengths: Int[Tensor, " B"]
    ) -> Float[Tensor, "B T K"]:
        """What stands behind a sentence's length is padding; its logits mean nothing."""
        x = self.dropout(self.words(words) + self.endings(endings))
        if self.direction == "backward":
            x, _ = self.lstm(turned(x, lengths), lengths=lengths)
            x = turned(x, lengths)
        else:
            x, _ = self.lstm(x, lengths=lengths)
        return self.head(self.dropout(x))


def turned(x: Float[Tensor, "B T D"], lengths: Int[Tensor, " B"]) -> Float[Tensor, "B T D"]:
    """Each sequence in reverse, its padding left where it is."""
    place = torch.arange(x.shape[1], device=x.device)
    source = torch.where(place < lengths[:, None], lengths[:, None] - 1 - place, place)
    return x.gather(1, source[:, :, None].expand_as(x))


def loss(output: Tensor, words: Tensor, endings: Tensor, lengths: Tensor) -> Tensor:
    """The cross-entropy where there are words; each has the tag of the word before it, the first the tag 0."""
    tags = F.pad(words[:, :-1] % output.shape[-1], (1, 0))
    real = torch.arange(words.shape[1], device=words.device) < lengths[:, None]
    return F.cross_entropy(output[real], tags[real])


SENTENCE = (Input((5,), "int64", high=20), Input((5,), "int64", high=10), Input((), "int64", high=6))
SENTENCES = (Input((32,), "int64", high=6000), Input((32,), "int64", high=2000), Input((), "int64", high=33))

CARD = ModelCard(
    name="bilstm",
    title="BiLSTM, a tagger that reads in both directions",
    paper="Huang et al. 2015",
    link="https://arxiv.org/abs/1508.01991",
    domain="language",
    builder="BiLSTM",
    sizes={
        "toy": Size(
            arguments={
                "vocab_size": 20,
                "endings": 10,
                "num_classes": 5,
                "embedding_dim": 16,
                "dim": 32,
                "dropout": 0.1,
            },
            inputs=SENTENCE,
            output=(5, 5),
        ),
        "toy-backward": Size(
            arguments={
                "vocab_size": 20,
                "endings": 10,
                "num_classes": 5,
                "embedding_dim": 16,
                "dim": 32,
                "direction": "backward",
                "dropout": 0.1,
            },
            inputs=SENTENCE,
            output=(5, 5),
        ),
        "bilstm-tagger": Size(
            arguments={
                "vocab_size": 6000,
                "endings": 2000,
                "num_classes": 17,
                "embedding_dim": 64,
                "dim": 128,
                "dropout": 0.3,
            },
            inputs=SENTENCES,
            output=(32, 17),
            parameters=580_753,
            counted_by="hand: 8,000 x 64, two directions of 256 x (64 + 64 + 2), head 17 x 129",
        ),
    },
    differs_in_training=("Dropout",),
    loss="loss",
)
