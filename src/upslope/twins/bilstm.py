"""BiLSTM text classifier in Keras 3: the twin of `upslope.models.language.bilstm`, with the same arguments and names.

S. Hochreiter, J. Schmidhuber, "Long Short-Term Memory", 1997, https://doi.org/10.1162/neco.1997.9.8.1735;
M. Schuster, K. Paliwal, "Bidirectional Recurrent Neural Networks", 1997, https://doi.org/10.1109/78.650093.

What differs from PyTorch:

- One bias for the four parts, where PyTorch has two that are only ever added. The parts stand in the same order:
  PyTorch calls them i, f, g, o, Keras i, f, c, o.
- `mask_zero=True` makes a mask of the tokens that are padding, which Keras hands on to the LSTM by itself; what the
  LSTM says of padding is a copy of another state, and is left out of the maximum here.
- The forget gates' bias begins at 1 by Keras' own default, `unit_forget_bias`; in PyTorch `forget_bias=1` asks for it.
"""

from typing import Any

import keras
from keras import layers, ops

from upslope.twins.layers import drawn_as_in_torch


class BiLSTMClassifier(keras.Model):
    """Token ids (B, T), 0 for padding, to scores (B, num_classes): the maximum over time, and a linear layer."""

    def __init__(
        self, *, vocab_size: int, num_classes: int, embedding_dim: int, dim: int, dropout: float = 0.0
    ) -> None:
        super().__init__()
        noise = keras.initializers.RandomNormal(stddev=0.1)
        self.words = layers.Embedding(vocab_size, embedding_dim, embeddings_initializer=noise, mask_zero=True)
        self.dropout = layers.Dropout(dropout)
        drawn = drawn_as_in_torch(dim // 2)
        lstm = layers.LSTM(
            dim // 2, return_sequences=True, recurrent_initializer=drawn["kernel_initializer"], use_cudnn=False, **drawn
        )
        self.lstm = layers.Bidirectional(lstm)
        self.head = layers.Dense(num_classes, **drawn_as_in_torch(dim))
        self(keras.Input((None,), dtype="int32"))

    def call(self, tokens: Any) -> Any:
        x = self.lstm(self.dropout(self.words(tokens)))  # (B, T, dim)
        real = ops.expand_dims(ops.not_equal(tokens, 0), 2)
        # A state lies above -1; of a text without words -1 is left.
        pooled = ops.max(ops.where(real, x, -1.0), axis=1)
        return self.head(self.dropout(pooled))
