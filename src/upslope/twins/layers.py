"""What the twins share: weights that are drawn as PyTorch draws them, and PyTorch's batch normalisation in Keras."""

import math
from typing import Any

import keras


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
