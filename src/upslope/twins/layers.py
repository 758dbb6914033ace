"""What the twins share: weights drawn as PyTorch draws them, its batch normalisation, and a layer of our own."""

import math
from typing import Any

import keras
from keras import layers, ops


def drawn_as_in_torch(fan_in: int) -> dict[str, Any]:
    """The initialisers of a layer that reads `fan_in` numbers: kernel and bias within +-1 / sqrt(fan_in), evenly.

    PyTorch draws its Linear and Conv2d so. Keras by itself would take Glorot's uniform for kernels, zeros for biases.
    """
    limit = 1 / math.sqrt(fan_in)
    return {
        "kernel_initializer": keras.initializers.RandomUniform(-limit, limit),
        "bias_initializer": keras.initializers.RandomUniform(-limit, limit),
    }


def batch_norm() -> Any:
    """Batch normalisation with PyTorch's numbers: its momentum 0.1 is the share that comes, Keras' the one that stays.

    One difference remains, in what is remembered for evaluation only: of a batch with n numbers in each channel Keras
    keeps the variance as it is, PyTorch n / (n - 1) times as much. With 128 pictures of 7 x 7 that is 1.00016.
    """
    return keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5)


class PositionEmbedding(layers.Layer):
    """Adds to each place of a sequence a vector that is learned for that place: (B, T, D) to (B, T, D).

    One weight, "embeddings", (context, D), made in `build`, which gets the shape of what will come: D is its last
    number. It is drawn from a normal distribution with the standard deviation 0.02. `call` gives x plus the first T
    rows, the same ones for every sample; x itself stays as it is. More than `context` places are refused: ValueError
    says "5 places are more than context=3". `compute_output_shape` says that the shape stays, also where T is None, not
    known yet. Works on every backend.

    With the rows [10, 20], [30, 40] and [50, 60], [[[1, 2], [3, 4]]] becomes [[[11, 22], [33, 44]]]. A. Vaswani et
    al., "Attention Is All You Need", 2017, section 3.5, as J. Devlin et al. have it in BERT, 2018.
    """

    def __init__(self, context: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.context = context

    def build(self, shape: tuple[int | None, ...]) -> None:
        # A row for each place, as wide as what it is added to.
        normal = keras.initializers.RandomNormal(stddev=0.02)
        self.embeddings = self.add_weight(shape=(self.context, shape[-1]), initializer=normal, name="embeddings")

    def call(self, x: Any) -> Any:
        length = ops.shape(x)[1]
        # A length that is not known yet is no number.
        if isinstance(length, int) and length > self.context:
            raise ValueError(f"{length} places are more than context={self.context}")
        return x + self.embeddings[:length]

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        # Said here, Keras need not try `call` with a length of its own, which may be more than context.
        return shape
