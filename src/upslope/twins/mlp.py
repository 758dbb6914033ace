"""Multilayer perceptron in Keras 3: the twin of `upslope.models.vision.mlp`, with the same arguments and names.

D. Rumelhart, G. Hinton, R. Williams, "Learning Representations by Back-Propagating Errors", 1986,
https://doi.org/10.1038/323533a0.

What differs from PyTorch: pictures are channels-last, (B, H, W, C), and `Flatten` makes a row of them in that order;
`flattened` says so to `upslope.twins.transfer`. With one channel the two orders are one.
"""

from math import prod
from typing import Any

import keras
from keras import layers

from upslope.twins.layers import drawn_as_in_torch


class MLP(keras.Model):
    """Pictures (B, H, W, C), of a `shape` that is (C, H, W) as in PyTorch, to scores (B, num_classes)."""

    def __init__(
        self, *, shape: tuple[int, int, int] = (1, 28, 28), hidden: tuple[int, ...] = (300, 100), num_classes: int = 10
    ) -> None:
        super().__init__()
        channels, height, width = shape
        widths = (prod(shape), *hidden)
        self.flatten = layers.Flatten()
        self.hidden = keras.Sequential()
        for before, units in zip(widths, hidden, strict=False):
            self.hidden.add(layers.Dense(units, **drawn_as_in_torch(before)))
            self.hidden.add(layers.ReLU())
        self.head = layers.Dense(num_classes, **drawn_as_in_torch(widths[-1]))
        self.flattened = {"hidden.0" if hidden else "head": (height, width, channels)}
        self(keras.Input((height, width, channels)))

    def call(self, x: Any) -> Any:
        return self.head(self.hidden(self.flatten(x)))
