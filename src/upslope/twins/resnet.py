"""ResNet of basic blocks in Keras 3: the twin of `upslope.models.vision.resnet`, with the same arguments and names.

K. He, X. Zhang, S. Ren, J. Sun, "Deep Residual Learning for Image Recognition", 2015, https://arxiv.org/abs/1512.03385.

What differs from PyTorch:

- Pictures are channels-last, (B, H, W, C).
- Where a convolution has a stride, Keras' "same" pads on the right and below only, PyTorch on all sides. So there the
  padding is a layer of its own. Without a stride the two are one.
- PyTorch's pooling pads with minus infinity, `ZeroPadding2D` with 0: the same after relu.
- Left out: bottlenecks, hence ResNet-50 and larger.
"""

from typing import Any, Literal

import keras
from keras import layers, ops

from upslope.twins.layers import batch_norm, drawn_as_in_torch


class ResNet(keras.Model):
    """Pictures (B, H, W, in_channels) of any size to scores (B, num_classes)."""

    def __init__(
        self,
        *,
        block: Literal["basic"] = "basic",
        depths: tuple[int, ...],
        widths: tuple[int, ...] = (64, 128, 256, 512),
        stem: Literal["imagenet", "cifar"] = "imagenet",
        padded: bool = False,
        in_channels: int = 3,
        num_classes: int = 1000,
    ) -> None:
        super().__init__()
        if block != "basic":
            raise ValueError(f'the Keras twin has basic blocks only: block="{block}" is PyTorch\'s alone')
        if len(depths) != len(widths):
            raise ValueError(f"depths={depths} and widths={widths} must name the same stages")
        large = stem == "imagenet"
        self.pad = layers.ZeroPadding2D(3) if large else layers.Identity()
        self.conv1 = conv(widths[0], 7, stride=2, padding="valid") if large else conv(widths[0], 3, padding="same")
        self.norm1 = batch_norm()
        self.relu = layers.ReLU()
        self.pool = (
            keras.Sequential([layers.ZeroPadding2D(1), layers.MaxPooling2D(3, 2)]) if large else layers.Identity()
        )
        stages = []
        channels = widths[0]
        for stage, (depth, width) in enumerate(zip(depths, widths, strict=True)):
            blocks = []
            for number in range(depth):
                stride = 2 if stage > 0 and number == 0 else 1
                blocks.append(BasicBlock(channels, width, stride=stride, padded=padded))
                channels = width
            stages.append(keras.Sequential(blocks))
        self.stages = keras.Sequential(stages)
        self.average = layers.GlobalAveragePooling2D()
        self.head = layers.Dense(num_classes, **drawn_as_in_torch(channels))
        self(keras.Input((None, None, in_channels)))

    def call(self, x: Any, training: bool = False) -> Any:
        # Keras hands `training` on to the layers inside: batch normalisation is what listens.
        x = self.pool(self.relu(self.norm1(self.conv1(self.pad(x)))))
        x = self.stages(x)  # (B, H/32, W/32, D) with the stem for ImageNet, (B, H/4, W/4, D) with that for CIFAR
        return self.head(self.average(x))


class BasicBlock(layers.Layer):
    """relu(norm2(conv2(relu(norm1(conv1(x))))) + shortcut(x)): He et al. 2015, figure 5, left."""

    def __init__(self, in_channels: int, channels: int, *, stride: int = 1, padded: bool = False) -> None:
        super().__init__()
        self.pad = layers.ZeroPadding2D(1) if stride > 1 else layers.Identity()
        self.conv1 = conv(channels, 3, stride=stride, padding="valid" if stride > 1 else "same")
        self.norm1 = batch_norm()
        self.conv2 = conv(channels, 3, padding="same")
        self.norm2 = batch_norm()
        self.relu = layers.ReLU()
        self.shortcut = shortcut_for(in_channels, channels, stride=stride, padded=padded)

    def call(self, x: Any) -> Any:
        added = self.relu(self.norm1(self.conv1(self.pad(x))))
        added = self.norm2(self.conv2(added))
        return self.relu(added + self.shortcut(x))


class PaddedShortcut(layers.Layer):
    """Option A of He et al. 2015: every second pixel, and channels of zeros for those that are new. No parameters."""

    def __init__(self, new_channels: int, *, stride: int) -> None:
        super().__init__()
        self.new_channels, self.stride = new_channels, stride

    def call(self, x: Any) -> Any:
        before = self.new_channels // 2
        around = [[0, 0], [0, 0], [0, 0], [before, self.new_channels - before]]
        return ops.pad(x[:, :: self.stride, :: self.stride, :], around)


def shortcut_for(in_channels: int, channels: int, *, stride: int, padded: bool = False) -> Any:
    """The identity where the shape stays; else a padded shortcut, or a 1x1 convolution with batch norm."""
    if stride == 1 and in_channels == channels:
        return layers.Identity()
    if padded:
        return PaddedShortcut(channels - in_channels, stride=stride)
    return keras.Sequential([conv(channels, 1, stride=stride, padding="valid"), batch_norm()])


def conv(channels: int, size: int, *, stride: int = 1, padding: str) -> Any:
    """A convolution without bias, drawn as He et al. 2015b say (https://arxiv.org/abs/1502.01852), by fan-out.

    Keras' own "he_normal" goes by fan-in and cuts the ends of the normal distribution off.
    """
    he = keras.initializers.VarianceScaling(2.0, mode="fan_out", distribution="untruncated_normal")
    return layers.Conv2D(channels, size, strides=stride, padding=padding, use_bias=False, kernel_initializer=he)
