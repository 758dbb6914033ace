"""LeNet-5 in Keras 3: the twin of `upslope.models.vision.lenet`, with the same arguments and the same names.

Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-Based Learning Applied to Document Recognition", 1998,
http://yann.lecun.com/exdb/publis/pdf/lecun-98.pdf, section II.B and figure 2.

What differs from PyTorch:

- Pictures are channels-last, (B, H, W, C), and so are the maps that `flatten` makes a row of: `linear1` reads height,
  width, channel, in PyTorch channel, height, width. `flattened` says so to `upslope.twins.transfer`.
- A layer has weights once it has seen a shape; the last line of `__init__` shows it one.
- Padding is a layer of its own; Keras' "same" is PyTorch's `padding=2` here, but not for other numbers.
"""

from typing import Any

import keras
from keras import layers

from upslope.twins.layers import drawn_as_in_torch


class LeNet5(keras.Model):
    """Pictures of 32 x 32 pixels, or of 28 x 28 with `padding=2`, to scores."""

    def __init__(
        self,
        *,
        in_channels: int = 1,
        num_classes: int = 10,
        padding: int = 0,
        channels: tuple[int, int] = (6, 16),
        modern: bool = False,
    ) -> None:
        super().__init__()
        self.activation = layers.Activation("relu" if modern else "tanh")
        self.pool = layers.MaxPooling2D(2) if modern else layers.AveragePooling2D(2)
        self.pad = layers.ZeroPadding2D(padding)
        self.conv1 = layers.Conv2D(channels[0], 5, **drawn_as_in_torch(in_channels * 5 * 5))
        self.conv2 = layers.Conv2D(channels[1], 5, **drawn_as_in_torch(channels[0] * 5 * 5))
        self.flatten = layers.Flatten()
        self.linear1 = layers.Dense(120, **drawn_as_in_torch(channels[1] * 5 * 5))
        self.linear2 = layers.Dense(84, **drawn_as_in_torch(120))
        self.linear3 = layers.Dense(num_classes, **drawn_as_in_torch(84))
        self.flattened = {"linear1": (5, 5, channels[1])}
        self(keras.Input((32 - 2 * padding, 32 - 2 * padding, in_channels)))

    def call(self, x: Any) -> Any:
        x = self.pool(self.activation(self.conv1(self.pad(x))))  # C1, S2: (B, 14, 14, 6)
        x = self.pool(self.activation(self.conv2(x)))  # C3, S4: (B, 5, 5, 16)
        x = self.activation(self.linear1(self.flatten(x)))  # C5: (B, 120)
        x = self.activation(self.linear2(x))  # F6: (B, 84)
        return self.linear3(x)
