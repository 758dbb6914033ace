"""Residual blocks: layers that learn what to add to their input.

K. He, X. Zhang, S. Ren, J. Sun, "Deep Residual Learning for Image Recognition", 2015, https://arxiv.org/abs/1512.03385.

- `BasicBlock`: two 3x3 convolutions (figure 5, left).
- `Bottleneck`: 1x1 down, 3x3, 1x1 up (figure 5, right), with the stride on the 3x3 convolution as in today's weights;
  `stride_in_1x1=True` is the paper's own place for it.
- `shortcut_for`: where the shape changes, a 1x1 projection (option B) or padding with zeros (option A, section 3.3).
"""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F


class PaddedShortcut(nn.Module):
    """Option A of He et al. 2015: every second pixel, and channels of zeros for those that are new. No parameters.

    Half of the new channels come first, half last. Fewer channels than before are refused with a ValueError.
    """

    def __init__(self, new_channels: int, *, stride: int) -> None:
        super().__init__()
        if new_channels < 0:
            raise ValueError(f"new_channels={new_channels}: channels can be added, as zeros, but not removed")
        self.new_channels, self.stride = new_channels, stride

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B E h w"]:
        """(B, C, H, W) to (B, C + new_channels, H / stride, W / stride), rounded up."""
        before = self.new_channels // 2
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, before, self.new_channels - before))


class SkippingConv2d(nn.Conv2d):
    """A 1x1 convolution that leaves out the pixels between its strides first, and then has none: the same numbers."""

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D h w"]:
        down, right = self.stride
        return F.conv2d(x[:, :, ::down, ::right], self.weight, self.bias)


def shortcut_for(in_channels: int, channels: int, *, stride: int, padded: bool = False) -> nn.Module:
    """The identity where the shape stays; else a padded shortcut, or a 1x1 convolution with batch norm."""
    if stride == 1 and in_channels == channels:
        return nn.Identity()
    if padded:
        return PaddedShortcut(channels - in_channels, stride=stride)
    # Below 8 channels oneDNN 3.12 writes past its buffers in the backward pass of a strided 1x1 convolution, where
    # channels lie last in memory and the processor has no AVX-512.
    convolution = SkippingConv2d if in_channels < 8 and stride > 1 else nn.Conv2d
    return nn.Sequential(convolution(in_channels, channels, 1, stride=stride, bias=False), nn.BatchNorm2d(channels))


class BasicBlock(nn.Module):
    """relu(norm2(conv2(relu(norm1(conv1(x))))) + shortcut(x)): He et al. 2015, figure 5, left.

    Children: `conv1` and `conv2`, 3x3 with padding 1 and without bias, the stride on the first; `norm1` and `norm2`,
    BatchNorm2d; `shortcut`, from `shortcut_for`, which also gets `padded`.

    If conv1 passes every pixel on (its kernel is 1 in the middle, 0 elsewhere), conv2 takes half of it away (-0.5 in
    the middle), and the norms are new and in evaluation, the pixel 4 becomes 4 - 2 = 2, and -4 becomes 0.
    """

    def __init__(self, in_channels: int, channels: int, *, stride: int = 1, padded: bool = False) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride=stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)
        self.shortcut = shortcut_for(in_channels, channels, stride=stride, padded=padded)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B E h w"]:
        """(B, in_channels, H, W) to (B, channels, H / stride, W / stride), rounded up; x itself is not changed."""
        # What the block adds: two convolutions, each followed by batch norm; relu between the two only.
        added = F.relu(self.norm1(self.conv1(x)), inplace=True)
        added = self.norm2(self.conv2(added))
        # The input itself goes past them, in the shape of the output, and relu comes after the sum.
        return F.relu(added + self.shortcut(x), inplace=True)


class Bottleneck(nn.Module):
    """Three convolutions, the middle one on a quarter of the channels: He et al. 2015, figure 5, right.

    Children: `conv1` 1x1 to `channels`, `conv2` 3x3 with padding 1, `conv3` 1x1 to 4 * channels, all without bias;
    `norm1` to `norm3`, BatchNorm2d; `shortcut`, from `shortcut_for`, which also gets `padded`. Relu after norm1, after
    norm2, and after the sum of norm3's result and the shortcut's. The stride is conv2's; with `stride_in_1x1` it is
    conv1's.

    If conv1 takes the first of 4 channels, conv2 passes it on (1 in the middle), conv3 takes half of it away from each
    channel (-0.5), and the norms are new and in evaluation, the pixel [4, 3, 1, -4] becomes [2, 1, 0, 0].
    Bottleneck(256, 64) has 70,400 parameters: 256 * 64 + 9 * 64 * 64 + 64 * 256, and 2 * (64 + 64 + 256) in the norms.
    """

    def __init__(
        self, in_channels: int, channels: int, *, stride: int = 1, padded: bool = False, stride_in_1x1: bool = False
    ) -> None:
        super().__init__()
        first, second = (stride, 1) if stride_in_1x1 else (1, stride)
        self.conv1 = nn.Conv2d(in_channels, channels, 1, stride=first, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, stride=second, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)
        self.conv3 = nn.Conv2d(channels, 4 * channels, 1, bias=False)
        self.norm3 = nn.BatchNorm2d(4 * channels)
        self.shortcut = shortcut_for(in_channels, 4 * channels, stride=stride, padded=padded)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B E h w"]:
        """(B, in_channels, H, W) to (B, 4 * channels, H / stride, W / stride), rounded up; x itself is not changed."""
        # Down to few channels, where the 3x3 convolution is cheap, and up again.
        added = F.relu(self.norm1(self.conv1(x)), inplace=True)
        added = F.relu(self.norm2(self.conv2(added)), inplace=True)
        added = self.norm3(self.conv3(added))
        # The input goes past, and relu comes after the sum.
        return F.relu(added + self.shortcut(x), inplace=True)
