"""BiLSTM: every word is read with what stands before it and with what comes behind it; a tagger, and a classifier.

M. Schuster, K. Paliwal, "Bidirectional Recurrent Neural Networks", 1997, https://doi.org/10.1109/78.650093.
Z. Huang, W. Xu, K. Yu, "Bidirectional LSTM-CRF Models for Sequence Tagging", 2015, https://arxiv.org/abs/1508.01991.

- One LSTM reads from the left and one from the right; at each word both states say together which tag it has.
- `direction="forward"` or "backward" reads in one direction only, with a state as wide as both have together.
- A word is the sum of two learned vectors: of the word itself, and of its ending, which also speaks for words that
  training has not seen (the spelling features of section 4.2, in the smallest form).
- The classifier keeps of each number of the state its largest value over all words, and reads the class from these.
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


class BiLSTMClassifier(nn.Module):
    """Token ids (B, T), 0 for padding, to logits (B, num_classes): the maximum over time, and a linear layer."""

    def __init__(
        self, *, vocab_size: int, num_classes: int, embedding_dim: int, dim: int, dropout: float = 0.0
    ) -> None:
        """`dim` numbers of state at each word, half of them from either side."""
        super().__init__()
        if dim % 2:
            raise ValueError(f"dim={dim} is odd, and two directions share it evenly")
        self.words = nn.Embedding(vocab_size, embedding_dim, padding_idx=0)
        with torch.no_grad():
            self.words.weight[1:] *= 0.1  # what a word's vector is before it has been learned is noise
        self.dropout = nn.Dropout(dropout)
        self.lstm = LSTM(embedding_dim, dim // 2, bidirectional=True, forget_bias=1.0)
        self.head = nn.Linear(dim, num_classes)

    def forward(self, tokens: Int[Tensor, "B T"]) -> Float[Tensor, "B K"]:
        real = tokens != 0
        places = torch.arange(1, tokens.shape[1] + 1, device=tokens.device)
        lengths = (real * places).amax(dim=1)  # up to the last token that is no padding
        x, _ = self.lstm(self.dropout(self.words(tokens)), lengths=lengths)
        # A state lies above -1; of a text without words -1 is left.
        pooled = x.masked_fill(~real[:, :, None], -1.0).amax(dim=1)
        return self.head(self.dropout(pooled))


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


def class_loss(output: Tensor, tokens: Tensor) -> Tensor:
    """The cross-entropy of the classifier, the class of a text being that of its first token."""
    return F.cross_entropy(output, tokens[:, 0] % output.shape[1])


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
        "toy-classifier": Size(
            arguments={"vocab_size": 20, "num_classes": 4, "embedding_dim": 16, "dim": 16, "dropout": 0.1},
            inputs=(Input((6,), "int64", high=20),),
            output=(4,),
            builder="BiLSTMClassifier",
            loss="class_loss",
        ),
        "bilstm-classifier": Size(
            arguments={
                "vocab_size": 10_000,
                "num_classes": 2,
                "embedding_dim": 64,
                "dim": 128,
                "dropout": 0.5,
            },
            inputs=(Input((64,), "int64", high=10_000),),
            output=(2,),
            parameters=706_818,
            counted_by="hand: 10,000 x 64, two directions of 256 x (64 + 64 + 2), head 2 x 129",
            builder="BiLSTMClassifier",
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
    exceptions={"toy-classifier/coverage": "the vector of padding (token 0) is never used and never learned"},
    loss="loss",
)
