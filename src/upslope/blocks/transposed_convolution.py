"""The transposed convolution: every place paints a patch, so that maps grow.

V. Dumoulin, F. Visin, "A guide to convolution arithmetic for deep learning", 2016, https://arxiv.org/abs/1603.07285,
section 4; M. Zeiler et al., "Deconvolutional Networks", 2010, https://doi.org/10.1109/CVPR.2010.5539957. It sends
numbers the way on which a convolution with the same kernel sends gradients back.
"""

from itertools import product

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F


def transposed_convolution(
    x: Float[Tensor, "B C H W"],
    weight: Float[Tensor, "I O k l"],
    bias: Float[Tensor, " O"] | None = None,
    *,
    stride: int,
    padding: int = 0,
) -> Float[Tensor, "B O h w"]:
    """Each place of x paints a patch: the kernel, times the number there. Patches lie `stride` apart; overlaps add.

    `weight` has the C channels of x first, then the O of the result. A patch is the sum over the channels of
    x[b, c, y, x] * weight[c], and its upper left corner lies at (stride * y, stride * x). From the result `padding`
    rows and columns are cut on every side, and the bias is added to every place that is left, painted or not.
    h = (H - 1) * stride - 2 * padding + k, and w likewise with l. ValueError, which names both numbers, if x does not
    have the channels that weight reads, and one that names `padding` if it would leave nothing. For the row [1, 2], the
    kernel [1, 10, 100] and stride 2 the patches are [1, 10, 100] and [2, 20, 200], and transposed_convolution is
    [1, 10, 102, 20, 200]. Dumoulin and Visin 2016, section 4.
    """
    if x.shape[1] != weight.shape[0]:
        raise ValueError(f"x has {x.shape[1]} channels, and weight reads {weight.shape[0]}")
    _, out, k, w = weight.shape
    height, width = (x.shape[2] - 1) * stride - 2 * padding + k, (x.shape[3] - 1) * stride - 2 * padding + w
    if min(height, width) < 1:
        raise ValueError(f"padding={padding} would leave {height} x {width} places")
    # The result is a grid of squares of stride x stride. A patch covers so many of them, down and across; what the
    # kernel does not fill of the last ones is 0.
    down, right = -(-k // stride), -(-w // stride)
    kernels = F.pad(weight, (0, stride, 0, stride))
    places, squares = x.movedim(1, -1), []
    for i, j in product(range(down), range(right)):
        # Square (i, j) of all patches is one matrix product over the channels. (B, H, stride, W, stride, O)
        kernel = kernels[:, :, i * stride : (i + 1) * stride, j * stride : (j + 1) * stride]
        square = places @ kernel.permute(0, 2, 3, 1).flatten(1)
        square = square.reshape(*places.shape[:3], stride, stride, out).transpose(2, 3)
        # It lies i squares below the patch's corner and j to the right of it.
        squares.append(F.pad(square, (0, 0, 0, 0, j, right - 1 - j, 0, 0, i, down - 1 - i)))
    # Where patches overlap they add.
    first, *others = squares
    painted = sum(others, start=first).flatten(3, 4).flatten(1, 2)
    # The edge is cut off, and channels come first again.
    result = painted[:, padding : padding + height, padding : padding + width].movedim(-1, 1)
    return result if bias is None else result + bias[:, None, None]


class TransposedConvolution(nn.Module):
    """`transposed_convolution` with its learned `weight` and `bias`, which begin as those of nn.ConvTranspose2d."""

    def __init__(self, in_channels: int, channels: int, kernel: int, *, stride: int, padding: int = 0) -> None:
        super().__init__()
        fresh = nn.ConvTranspose2d(in_channels, channels, kernel)
        self.weight, self.bias = fresh.weight, fresh.bias
        self.stride, self.padding = stride, padding

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D h w"]:
        return transposed_convolution(x, self.weight, self.bias, stride=self.stride, padding=self.padding)
