"""A convolution is a matrix product: every window laid out as a row, every filter as a column.

K. Chellapilla, S. Puri, P. Simard, "High Performance Convolutional Neural Networks for Document Processing", 2006,
https://inria.hal.science/inria-00112631. Called im2col since Caffe; how convolutions became fast before they had
kernels of their own, and what the tensor cores of today still compute.
"""

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F


def conv2d_as_matmul(
    x: Float[Tensor, "B C H W"],
    weight: Float[Tensor, "O C k l"],
    bias: Float[Tensor, "O"] | None = None,
    *,
    stride: int = 1,
    padding: int = 0,
) -> Float[Tensor, "B O h w"]:
    """The convolution of pictures with O filters of k x l places, as one matrix product.

    Each window of the padded picture becomes a row of C * k * l numbers, channel after channel and in it row by row,
    just as each filter lies in memory. All rows, B * h * w of them, times the filters as columns, (C * k * l, O), give
    the result, the bias is added, and places and channels are put back in order. h = floor((H + 2 padding - k) /
    stride) + 1, and w likewise. The picture [[1, 2, 3], [4, 5, 6], [7, 8, 9]] and the filter [[1, 0], [0, 1]]: the rows
    are [1, 2, 4, 5], [2, 3, 5, 6], [4, 5, 7, 8] and [5, 6, 8, 9]; times [1, 0, 0, 1], conv2d_as_matmul is [[6, 8], [12,
    14]].
    """
    out, _, k, w = weight.shape
    # Zeros around, so that windows may stand over the edge.
    x = F.pad(x, (padding, padding, padding, padding))
    # Every window, without a copy: (B, C, h, w, k, l).
    windows = x.unfold(2, k, stride).unfold(3, w, stride)
    size, _, height, width = windows.shape[:4]
    # A window is a row; its numbers lie as the filter's do.
    rows = windows.permute(0, 2, 3, 1, 4, 5).reshape(size * height * width, -1)
    # One product for all windows of all pictures.
    result = rows @ weight.reshape(out, -1).T
    if bias is not None:
        result = result + bias
    # Rows are places; channels come first again.
    return result.reshape(size, height, width, out).permute(0, 3, 1, 2)
