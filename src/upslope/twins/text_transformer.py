"""A small Transformer encoder in Keras 3: the twin of `upslope.models.language.text_transformer`, arguments and names.

A. Vaswani et al., "Attention Is All You Need", 2017, https://arxiv.org/abs/1706.03762; the norm in front as in
A. Dosovitskiy et al. 2020, https://arxiv.org/abs/2010.11929.

What differs from PyTorch:

- `MultiHeadAttention` has three layers for queries, keys and values, each with an axis for the heads; ours has one
  matrix for all. Asked with x three times it is self-attention.
- The mask of attention (B, T, S) has no axis for the heads; `GlobalAveragePooling1D` takes one for the mean. With
  `mask_zero=True` the embedding would make both, and Keras hand them on unseen: here they are written out.
- Positions are a layer of our own, which Keras does not have; in PyTorch a parameter of the network itself.
- `LayerNormalization` has the epsilon 0.001 by default, PyTorch 0.00001, and ours 0.000001, as BERT and ViT have it.
"""

from typing import Any

import keras
from keras import layers, ops

from upslope.twins.layers import PositionEmbedding, drawn_as_in_torch


class TextTransformer(keras.Model):
    """Token ids (B, T), 0 for padding, to scores (B, num_classes); T is at most `context`."""

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
        """`fused` says how PyTorch computes attention; Keras decides for itself."""
        super().__init__()
        normal = keras.initializers.RandomNormal(stddev=0.1)
        self.embedding = layers.Embedding(vocab_size, dim, embeddings_initializer=normal)
        self.positions = PositionEmbedding(context)
        self.dropout = layers.Dropout(dropout)
        self.blocks = [EncoderBlock(dim, heads=heads, mlp_ratio=mlp_ratio, dropout=dropout) for _ in range(depth)]
        self.norm = layers.LayerNormalization(epsilon=1e-6)
        self.mean = layers.GlobalAveragePooling1D()
        self.head = layers.Dense(num_classes, **drawn_as_in_torch(dim))
        self(keras.Input((context,), dtype="int32"))

    def call(self, tokens: Any) -> Any:
        x = self.dropout(self.positions(self.embedding(tokens)))
        real = ops.not_equal(tokens, 0)
        for block in self.blocks:
            x = block(x, ops.expand_dims(real, 1))
        return self.head(self.dropout(self.mean(self.norm(x), mask=real)))


class EncoderBlock(layers.Layer):
    """x + attention(norm1(x)), then x + mlp(norm2(x)): Dosovitskiy et al. 2020, equations 2 and 3."""

    def __init__(self, dim: int, *, heads: int, mlp_ratio: float = 4.0, dropout: float = 0.0) -> None:
        super().__init__()
        hidden = int(mlp_ratio * dim)
        self.norm1 = layers.LayerNormalization(epsilon=1e-6)
        self.attention = layers.MultiHeadAttention(heads, dim // heads, **drawn_as_in_torch(dim))
        self.norm2 = layers.LayerNormalization(epsilon=1e-6)
        self.mlp = keras.Sequential(
            [
                layers.Dense(hidden, **drawn_as_in_torch(dim)),
                layers.Activation("gelu"),
                layers.Dropout(dropout),
                layers.Dense(dim, **drawn_as_in_torch(hidden)),
                layers.Dropout(dropout),
            ]
        )

    def call(self, x: Any, mask: Any) -> Any:
        normed = self.norm1(x)
        x = x + self.attention(normed, normed, attention_mask=mask)
        return x + self.mlp(self.norm2(x))
