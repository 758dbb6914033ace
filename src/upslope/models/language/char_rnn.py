"""Char-RNN: stacked LSTMs read a text one character after the other and say which comes next.

A. Graves, "Generating Sequences With Recurrent Neural Networks", 2013, https://arxiv.org/abs/1308.0850, section 3.
A. Karpathy, "The Unreasonable Effectiveness of Recurrent Neural Networks", 2015,
https://karpathy.github.io/2015/05/21/rnn-effectiveness/, made it known by this name.

- Deep in space as well as in time: the states of one layer are the input of the next.
- What was read is in the state, so one more character costs the same however long the text is.
- The forget gates start open (a bias of 1), and dropout acts between the layers, never along time.
- `kind` exchanges the cell: "lstm", "gru", or the plain "rnn".
- Left out: Graves' connections from the input to every layer and from every layer to the output; a state that is
  carried from one training window to the next.
"""

from typing import Any, Literal

from jaxtyping import Float, Int
from torch import Tensor, nn

from upslope.blocks.language.cache import KeyValueCache
from upslope.blocks.language.recurrent import KINDS
from upslope.cards import Input, ModelCard, Size


class CharRNN(nn.Module):
    """Tokens (B, T) to logits (B, T, vocab_size) for the token that follows each of them."""

    def __init__(
        self,
        *,
        vocab_size: int,
        context: int,
        dim: int,
        depth: int,
        kind: Literal["lstm", "gru", "rnn"] = "lstm",
        dropout: float = 0.0,
    ) -> None:
        """`context` is the length of the windows it learns from; longer texts are read in windows, too."""
        super().__init__()
        if kind not in KINDS:
            raise ValueError(f'kind="{kind}" is none of {", ".join(KINDS)}')
        self.vocab_size, self.context = vocab_size, context
        self.embedding = nn.Embedding(vocab_size, dim)
        settings: dict[str, Any] = {"forget_bias": 1.0} if kind == "lstm" else {}
        self.layers = KINDS[kind](dim, dim, depth=depth, dropout=dropout, **settings)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(dim, vocab_size)

    def forward(self, tokens: Int[Tensor, "B T"], cache: KeyValueCache | None = None) -> Float[Tensor, "B T V"]:
        """A `cache` holds the state after the tokens that were read before."""
        start = cache.length if cache is not None else 0
        if start + tokens.shape[1] > self.context:
            raise ValueError(f"{start + tokens.shape[1]} tokens for a model of context={self.context}")
        x, state = self.layers(self.embedding(tokens), cache.state if cache is not None and start else None)
        if cache is not None:
            cache.read(tokens)
            cache.state = state
        return self.head(self.dropout(x))


CARD = ModelCard(
    name="char-rnn",
    title="Char-RNN, stacked LSTMs over characters",
    paper="Graves 2013",
    link="https://arxiv.org/abs/1308.0850",
    domain="language",
    builder="CharRNN",
    sizes={
        "toy": Size(
            arguments={"vocab_size": 20, "context": 8, "dim": 24, "depth": 2, "dropout": 0.1},
            inputs=(Input(shape=(6,), dtype="int64", high=20),),
            output=(6, 20),
        ),
        "toy-gru": Size(
            arguments={"vocab_size": 20, "context": 8, "dim": 24, "depth": 1, "kind": "gru", "dropout": 0.1},
            inputs=(Input(shape=(6,), dtype="int64", high=20),),
            output=(6, 20),
        ),
        "char-rnn-128": Size(
            arguments={"vocab_size": 65, "context": 64, "dim": 128, "depth": 2},
            inputs=(Input(shape=(64,), dtype="int64", high=65),),
            output=(64, 65),
            parameters=280_897,
            counted_by="hand: 65 x 128, two layers of 512 x (128 + 128 + 2), head 65 x 129",
        ),
        "char-rnn-512": Size(
            arguments={"vocab_size": 65, "context": 100, "dim": 512, "depth": 3, "dropout": 0.5},
            inputs=(Input(shape=(100,), dtype="int64", high=65),),
            output=(100, 65),
            parameters=6_370_369,
            counted_by="hand: 65 x 512, three layers of 2,048 x (512 + 512 + 2), head 65 x 513",
        ),
    },
    causal=True,
    differs_in_training=("Dropout",),
)
