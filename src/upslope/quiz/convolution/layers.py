"""Layers as the questions describe them: their words, sizes, parameters and multiply-adds, without PyTorch.

Fields are named as the arguments of PyTorch's modules; a pair is (height, width).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import prod
from typing import Any, Literal

from upslope.blocks.convolution_arithmetic import output_size

Pair = tuple[int, int]
Map = tuple[int, int, int]  # channels, height, width
Kind = Literal["conv", "conv-transpose", "max-pool", "avg-pool", "linear", "batch-norm", "layer-norm"]

NAMES: dict[Kind, str] = {
    "conv": "convolution",
    "conv-transpose": "transposed convolution",
    "max-pool": "max pooling",
    "avg-pool": "average pooling",
    "linear": "linear layer",
    "batch-norm": "batch norm",
    "layer-norm": "layer norm",
}


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One layer. Poolings and norms have as many channels out as in; a norm has only channels."""

    kind: Kind
    in_channels: int = 1
    out_channels: int = 1
    kernel_size: Pair = (1, 1)
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    output_padding: Pair = (0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1
    bias: bool = True
    ceil_mode: bool = False

    @property
    def convolves(self) -> bool:
        """Whether it is a convolution, transposed or not."""
        return self.kind in ("conv", "conv-transpose")

    @property
    def pools(self) -> bool:
        """Whether it is a pooling."""
        return self.kind in ("max-pool", "avg-pool")

    @property
    def norms(self) -> bool:
        """Whether it is a norm."""
        return self.kind in ("batch-norm", "layer-norm")

    def side_after(self, side: int, axis: int) -> int:
        """How long a side of `side` places is behind the layer; axis 0 is the height, 1 the width."""
        k, t, p, d = (pair[axis] for pair in (self.kernel_size, self.stride, self.padding, self.dilation))
        if self.kind == "conv-transpose":
            return (side - 1) * t - 2 * p + d * (k - 1) + self.output_padding[axis] + 1
        if self.convolves or self.pools:
            return output_size(side, kernel=k, stride=t, padding=p, dilation=d, ceil_mode=self.ceil_mode)
        return side

    def map_after(self, x: Map) -> Map:
        """Channels, height and width behind the layer."""
        channels = x[0] if self.pools or self.norms else self.out_channels
        return channels, self.side_after(x[1], 0), self.side_after(x[2], 1)

    @property
    def weights(self) -> int:
        """The numbers in its kernels or its matrix."""
        if self.pools or self.norms:
            return 0
        return self.out_channels * self.in_channels // self.groups * prod(self.kernel_size)

    @property
    def parameters(self) -> int:
        """All numbers that are learned."""
        if self.norms:
            return 2 * self.in_channels  # a scale and a shift for each channel
        return self.weights + (self.out_channels if self.bias and not self.pools else 0)

    def multiply_adds(self, x: Map) -> int:
        """For one input; biases are not counted."""
        _, height, width = x if self.kind == "conv-transpose" else self.map_after(x)
        return self.weights * height * width

    def settings(self) -> dict[str, Any]:
        """For programs."""
        return asdict(self)

    def words(self, *, channels: bool = True, bias: bool = False) -> str:
        """A 3×3 convolution from 64 to 128 channels with stride 2, padding 1 and no bias."""
        if self.norms:
            return f"a {NAMES[self.kind]} of {self.in_channels} channels"
        name = NAMES[self.kind]
        said = f"a {name}" if self.kind == "linear" else f"{_article(self.kernel_size[0])} {self.window} {name}"
        if not self.pools and channels:
            unit = "numbers" if self.kind == "linear" else "channels"
            said += f" from {self.in_channels} to {self.out_channels} {unit}"
        details = self._details()
        if bias and not self.pools:
            details.append("a bias" if self.bias else "no bias")
        return said + (f" with {listed(details)}" if details else "")

    @property
    def window(self) -> str:
        """3×5, without spaces, so that no line is broken within."""
        return f"{self.kernel_size[0]}×{self.kernel_size[1]}"

    def _details(self) -> list[str]:
        found = []
        if self.pools and self.stride == self.kernel_size:
            found.append("the default stride")
        elif self.stride != (1, 1) or self.pools:
            found.append(f"stride {pair(self.stride)}")
        if self.padding != (0, 0):
            found.append(f"padding {pair(self.padding)}")
        if self.output_padding != (0, 0):
            found.append(f"output padding {pair(self.output_padding)}")
        if self.dilation != (1, 1):
            found.append(f"dilation {pair(self.dilation)}")
        if self.groups > 1:
            found.append(f"{self.groups} groups")
        if self.ceil_mode:
            found.append("ceil mode")
        return found


def pair(sides: Pair) -> str:
    """2, where both are 2; else 2×1."""
    return str(sides[0]) if sides[0] == sides[1] else f"{sides[0]}×{sides[1]}"


def listed(words: Sequence[str]) -> str:
    """a; a and b; a, b and c."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _article(number: int) -> str:
    return "an" if number in (8, 11, 18) else "a"
