"""A small Transformer encoder that names the class of a text, with nothing learned beforehand.

A. Vaswani et al., "Attention Is All You Need", 2017, https://arxiv.org/abs/1706.03762, the encoder; pre-norm as in
A. Dosovitskiy et al., 2020, https://arxiv.org/abs/2010.11929.

- Words and learned positions, blocks of attention in which every word sees all others, and the mean over the words.
- Token 0 is padding: nobody looks at it, and it is left out of the mean.
- Left out: pretraining, from which BERT has its strength; a class token.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from upslope.blocks.language.masks import padding_mask
from upslope.blocks.norms import LayerNorm
from upslope.blocks.transformer import EncoderBlock
from upslope.cards import Input, ModelCard, Size


class TextTransformer(nn.Module):
    """Token ids (B, T), 0 for padding, to logits (B, num_classes); T is at most `context`."""

    def __init__(
        self,
        *,
        vocab_size: int,
        num_classes: int,
        context: int,
        dim: int = 64,
        depth: int = 2,
        heads: int = 4,
        mlp_ratio: float = 2.0,
        dropout: float = 0.3,
        fused: bool = False,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, dim)
        self.positions = nn.Parameter(torch.empty(context, dim))
        nn.init.normal_(self.embedding.weight, std=0.1)
        nn.init.normal_(self.positions, std=0.02)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(
            EncoderBlock(dim, heads=heads, mlp_ratio=mlp_ratio, dropout=dropout, fused=fused) for _ in range(depth)
        )
        self.norm = LayerNorm(dim, fused=fused)
        self.head = nn.Linear(dim, num_classes)

    def forward(self, tokens: Int[Tensor, "B T"]) -> Float[Tensor, "B K"]:
        if tokens.shape[1] > len(self.positions):
            raise ValueError(f"{tokens.shape[1]} tokens are more than context={len(self.positions)}")
        real = tokens != 0
        x = self.dropout(self.embedding(tokens) + self.positions[: tokens.shape[1]])
        mask = padding_mask(real)
        for block in self.blocks:
            x = block(x, mask=mask)
        there = real.unsqueeze(2)
        mean = (self.norm(x) * there).sum(dim=1) / there.sum(dim=1).clamp(min=1)
        return self.head(self.dropout(mean))


CARD = ModelCard(
    name="text-transformer",
    title="A Transformer encoder for texts",
    paper="Vaswani et al. 2017",
    link="https://arxiv.org/abs/1706.03762",
    domain="language",
    builder="TextTransformer",
    sizes={
        "toy": Size(
            arguments={"vocab_size": 20, "num_classes": 4, "context": 9, "dim": 16, "heads": 2, "dropout": 0.1},
            inputs=(Input(shape=(9,), dtype="int64", high=20),),
            output=(4,),
        ),
        "text-transformer-small": Size(
            arguments={"vocab_size": 10_000, "num_classes": 2, "context": 256, "dim": 64, "depth": 2, "fused": True},
            inputs=(Input(shape=(256,), dtype="int64", high=10_000),),
            output=(2,),
            parameters=723_586,
            counted_by="hand: 640,000 in words, 16,384 in positions, 33,472 in each block, 258 behind them",
        ),
    },
    differs_in_training=("Dropout",),
    exceptions={"coverage": "the vector of padding (token 0) is never used and never learned"},
)
