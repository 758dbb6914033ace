"""RNNsearch: a translator whose decoder looks back at the source before every word that it writes.

D. Bahdanau, K. Cho, Y. Bengio, "Neural Machine Translation by Jointly Learning to Align and Translate", 2014,
https://arxiv.org/abs/1409.0473.

- A bidirectional GRU reads the source: the annotation h_j of word j holds what stands around it (section 3.2).
- Before each word the decoder's state is compared with all annotations by additive attention, and their average, the
  context, is a further input (section 3.1). No single vector has to hold the whole sentence.
- The first state of the decoder is made of the annotation of the first word, read backwards (appendix A.2.2).
- The output layer: a maxout over pairs, then one matrix (appendix A.2.2); it reads the new state, as equation 4 says.
- The reset gate acts as in PyTorch's GRU; all layers but the embeddings have biases, which the paper omits.
- Left out: beam search; orthogonal first weights; the paper's shortlist of words.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from upslope.blocks.language.additive_attention import additive_attention
from upslope.blocks.language.recurrent import GRU, gru_cell
from upslope.cards import Input, ModelCard, Size


class Seq2Seq(nn.Module):
    """A source (B, S) and a target (B, T) to logits (B, T, vocabulary): what follows each token of the target."""

    def __init__(
        self,
        *,
        source_vocab_size: int,
        target_vocab_size: int,
        embedding_dim: int,
        dim: int,
        attention_dim: int,
        maxout: int,
        dropout: float = 0.0,
    ) -> None:
        """`dim` is the width of a state (n in the paper), `maxout` that of the output's hidden layer (l)."""
        super().__init__()
        self.source = nn.Embedding(source_vocab_size, embedding_dim)
        self.target = nn.Embedding(target_vocab_size, embedding_dim)
        self.dropout = nn.Dropout(dropout)
        self.encoder = GRU(embedding_dim, dim, bidirectional=True)
        self.first = nn.Linear(dim, dim)
        # Of additive attention: W_a, U_a and v_a.
        self.query = nn.Linear(dim, attention_dim)
        self.key = nn.Linear(2 * dim, attention_dim, bias=False)
        self.score = nn.Parameter(torch.empty(attention_dim))
        # Of the decoder's cell: the shares of the previous word, of the context and of the state.
        self.word_share = nn.Linear(embedding_dim, 3 * dim)
        self.context_share = nn.Linear(2 * dim, 3 * dim, bias=False)
        self.state_share = nn.Linear(dim, 3 * dim)
        self.hidden = nn.Linear(dim + embedding_dim + 2 * dim, 2 * maxout)
        self.head = nn.Linear(maxout, target_vocab_size)
        nn.init.normal_(self.score, std=attention_dim**-0.5)

    def forward(
        self, source: Int[Tensor, "B S"], target: Int[Tensor, "B T"], lengths: Int[Tensor, " B"] | None = None
    ) -> Float[Tensor, "B T V"]:
        """`lengths` says how many tokens of each source are real."""
        annotations, state, real = self.encode(source, lengths)
        return self.decode(target, annotations, state, real)

    def encode(
        self, source: Int[Tensor, "B S"], lengths: Int[Tensor, " B"] | None = None
    ) -> tuple[Float[Tensor, "B S E"], Float[Tensor, "B D"], Bool[Tensor, "B S"]]:
        """The annotations of the source, the first state of the decoder, and which tokens are real."""
        if lengths is None:
            lengths = torch.full((source.shape[0],), source.shape[1], device=source.device)
        lengths = lengths.clamp(min=1)  # an average over no token is nan: an empty source counts as one of padding
        annotations, (last,) = self.encoder(self.dropout(self.source(source)), lengths=lengths)
        real = torch.arange(source.shape[1], device=source.device) < lengths[:, None]
        return annotations, self.first(last[1]).tanh(), real

    def decode(
        self,
        target: Int[Tensor, "B T"],
        annotations: Float[Tensor, "B S E"],
        state: Float[Tensor, "B D"],
        real: Bool[Tensor, "B S"],
    ) -> Float[Tensor, "B T V"]:
        """The logits of a target that is given (teacher forcing)."""
        words = self.dropout(self.target(target))
        shares, keys = self.word_share(words), self.key(annotations)
        read = []
        for t in range(target.shape[1]):
            context, state = self.step(shares[:, t], keys, annotations, state, real)
            read.append(torch.cat([state, words[:, t], context], dim=-1))
        pairs = self.hidden(torch.stack(read, dim=1)).unflatten(-1, (-1, 2))
        return self.head(self.dropout(pairs.amax(dim=-1)))

    def step(
        self,
        share: Float[Tensor, "B P"],
        keys: Float[Tensor, "B S A"],
        annotations: Float[Tensor, "B S E"],
        state: Float[Tensor, "B D"],
        real: Bool[Tensor, "B S"],
    ) -> tuple[Float[Tensor, "B E"], Float[Tensor, "B D"]]:
        """The context of one word, and the next state."""
        context = additive_attention(self.query(state), keys, annotations, v=self.score, mask=real)
        share = share + self.context_share(context)
        return context, gru_cell(share, state, weight=self.state_share.weight, bias=self.state_share.bias)

    def alignment(
        self, source: Int[Tensor, "B S"], target: Int[Tensor, "B T"], lengths: Int[Tensor, " B"] | None = None
    ) -> Float[Tensor, "B T S"]:
        """How much the decoder looks at each token of the source before it writes what follows each target token."""
        annotations, state, real = self.encode(source, lengths)
        shares, keys = self.word_share(self.target(target)), self.key(annotations)
        each = torch.eye(source.shape[1], device=source.device, dtype=keys.dtype).expand(source.shape[0], -1, -1)
        rows = []
        for t in range(target.shape[1]):
            # With the identity as values, the average is the weights themselves.
            rows.append(additive_attention(self.query(state), keys, each, v=self.score, mask=real))
            _, state = self.step(shares[:, t], keys, annotations, state, real)
        return torch.stack(rows, dim=1)


CARD = ModelCard(
    name="seq2seq",
    title="RNNsearch, a recurrent translator with attention",
    paper="Bahdanau et al. 2014",
    link="https://arxiv.org/abs/1409.0473",
    domain="language",
    builder="Seq2Seq",
    sizes={
        "toy": Size(
            arguments={
                "source_vocab_size": 20,
                "target_vocab_size": 15,
                "embedding_dim": 16,
                "dim": 24,
                "attention_dim": 16,
                "maxout": 16,
                "dropout": 0.1,
            },
            inputs=(Input((4,), "int64", high=20), Input((3,), "int64", high=15), Input((), "int64", high=5)),
            output=(3, 15),
        ),
        "rnnsearch-50": Size(
            arguments={
                "source_vocab_size": 30_000,
                "target_vocab_size": 30_000,
                "embedding_dim": 620,
                "dim": 1000,
                "attention_dim": 1000,
                "maxout": 500,
            },
            inputs=(
                Input((50,), "int64", high=30_000),
                Input((50,), "int64", high=30_000),
                Input((), "int64", high=51),
            ),
            output=(50, 30_000),
            parameters=80_452_000,
            counted_by=(
                "hand: tables 2 x 30,000 x 620, encoder 2 x 3,000 x 1,622, first state 1,000 x 1,001, attention 1,000 "
                "x 3,002, decoder 3,000 x (621 + 2,000 + 1,001), maxout 1,000 x 3,621, head 30,000 x 501"
            ),
        ),
    },
    differs_in_training=("Dropout",),
)
