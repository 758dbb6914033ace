"""Blocks for mobile networks: wide in the middle, cheap by depthwise convolutions, with channels that are weighed.

- `SqueezeExcitation`: J. Hu, L. Shen, G. Sun, "Squeeze-and-Excitation Networks", 2017,
  https://arxiv.org/abs/1709.01507.
- `InvertedBottleneck`: M. Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", 2018,
  https://arxiv.org/abs/1801.04381; with squeeze-and-excitation and SiLU as in EfficientNet (Tan and Le 2019).
- `SamePadding`: TensorFlow's, by which the maps of a stride of 2 are padded on the right and below first.
"""

from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.blocks.convolution_arithmetic import output_size
from upslope.blocks.depth import StochasticDepth

Padding = Literal["symmetric", "same"]


class SamePadding(nn.Module):
    """Zeros around maps of any size, so that a convolution of this kernel and stride leaves size / stride, rounded up.

    Where the number of zeros is odd, the right and the lower edge get one more. No parameters.
    """

    def __init__(self, *, kernel: int, stride: int) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C h w"]:
        edges: list[int] = []
        for size in (x.shape[3], x.shape[2]):
            places = output_size(size, kernel=1, stride=self.stride)
            zeros = max((places - 1) * self.stride + self.kernel - size, 0)
            edges += [zeros // 2, zeros - zeros // 2]
        return F.pad(x, edges)


class SqueezeExcitation(nn.Module):
    """Each channel times a number between 0 and 1 that is computed from all channels: Hu et al. 2017, section 3.

    Children: `reduce`, a 1x1 convolution from `channels` to `squeezed`, and `expand`, one back, both with a bias. The
    mean of every channel over the picture goes through reduce, SiLU, expand and the sigmoid, and scales the channel:
    scale = sigmoid(expand(silu(reduce(mean(x))))), out = x * scale.

    If reduce and expand hold zeros, the sigmoid of 0 halves every channel: [[4, 8]] becomes [[2, 4]].
    SqueezeExcitation(96, 4) has 868 parameters: 96 * 4 + 4 and 4 * 96 + 96.
    """

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(channels, squeezed, 1)
        self.expand = nn.Conv2d(squeezed, channels, 1)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        """(B, channels, H, W), each channel scaled; x itself is not changed."""
        # Squeeze: one number for each channel, from the whole picture, still as maps of 1 x 1.
        scale = x.mean(dim=(2, 3), keepdim=True)
        # Excitation: few numbers in the middle, then a gate for each channel.
        scale = self.expand(F.silu(self.reduce(scale)))
        return x * scale.sigmoid()


class InvertedBottleneck(nn.Module):
    """1x1 up, a depthwise convolution, 1x1 down, and the input added where the shape stays: Sandler et al. 2018.

    Children, the convolutions without bias: `expand` 1x1 to ratio * in_channels and `norm1` (the identity if ratio is
    1); `depthwise`, kernel x kernel with one filter for each channel, behind `pad`, and `norm2`; `excite`, a
    `SqueezeExcitation` to in_channels // 4 channels, at least 1; `project` 1x1 to `channels` and `norm3`; `drop`,
    `StochasticDepth`. SiLU after norm1 (if ratio is not 1) and after norm2, none after norm3: the bottleneck is
    linear. x is added to what `drop` leaves if the stride is 1 and in_channels is channels.

    `padding="same"` pads as TensorFlow does, "symmetric" by kernel // 2 on every side. `eps` is that of the norms.
    InvertedBottleneck(16, 24, ratio=6, stride=2) has 6,004 parameters: 96 * 16 + 96 * 9 + 24 * 96 in the
    convolutions, 868 in `excite`, 2 * (96 + 96 + 24) in the norms.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        *,
        ratio: int = 6,
        kernel: int = 3,
        stride: int = 1,
        padding: Padding = "symmetric",
        eps: float = 1e-3,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        wide = ratio * in_channels
        self.widens, self.added = ratio != 1, stride == 1 and in_channels == channels
        self.expand: nn.Module = nn.Conv2d(in_channels, wide, 1, bias=False) if self.widens else nn.Identity()
        self.norm1: nn.Module = nn.BatchNorm2d(wide, eps=eps) if self.widens else nn.Identity()
        same = padding == "same"
        self.pad: nn.Module = SamePadding(kernel=kernel, stride=stride) if same else nn.Identity()
        edge = 0 if same else kernel // 2
        self.depthwise = nn.Conv2d(wide, wide, kernel, stride=stride, padding=edge, groups=wide, bias=False)
        self.norm2 = nn.BatchNorm2d(wide, eps=eps)
        self.excite = SqueezeExcitation(wide, max(1, in_channels // 4))
        self.project = nn.Conv2d(wide, channels, 1, bias=False)
        self.norm3 = nn.BatchNorm2d(channels, eps=eps)
        self.drop = StochasticDepth(drop_path)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D h w"]:
        """(B, in_channels, H, W) to (B, channels, H / stride, W / stride), rounded up; x itself is not changed."""
        # Up to many channels, unless there are as many already.
        out = F.silu(self.norm1(self.expand(x)), inplace=True) if self.widens else x
        # Each channel is filtered on its own, then weighed by all of them.
        out = F.silu(self.norm2(self.depthwise(self.pad(out))), inplace=True)
        out = self.excite(out)
        # Down again, and no activation: it would lose what lies below 0 in these few channels.
        out = self.norm3(self.project(out))
        # The input goes past where it has the shape of the output.
        return x + self.drop(out) if self.added else out
