"""Convolution: the same small filters looked for everywhere in an image."""

import numpy as np

from upslope.scratch.tensor import Tensor


def conv2d(x: Tensor, weight: Tensor, bias: Tensor | None = None, *, stride: int = 1, padding: int = 0) -> Tensor:
    """Slide filters over images: out[b, o, r, c] = bias[o] + sum_{c', i, j} weight[o, c', i, j] x[b, c', r s + i, c s + j].

    x is (B, C, H, W), weight (O, C, KH, KW), bias (O,) or None; the result is (B, O, HO, WO) with
    HO = (H + 2 padding - KH) // stride + 1 and WO likewise. x is surrounded by `padding` zeros on every side; s is the
    stride. As in every library this is a cross-correlation: filters are not flipped.
    weight.grad: g times the numbers under each filter position, summed over positions and images. x.grad: each output's g
    times the filter, laid back where the filter stood, overlaps added. bias.grad: g summed over all but o.
    [[1, 2, 3]] under [[1, -1]] is [[-1, -1]]; g = [[1, 1]] goes back as [[1, 0, -1]] to x and [[3, 5]] to the weight.
    LeCun et al. 1989; as matrix products: Chellapilla et al. 2006.
    """
    images, channels, height, width = x.shape
    filters, channels_wanted, kh, kw = weight.shape
    if channels != channels_wanted or kh > height + 2 * padding or kw > width + 2 * padding:
        raise ValueError(f"conv2d: images {x.shape} with padding={padding} do not fit filters {weight.shape}")
    rows = (height + 2 * padding - kh) // stride + 1
    columns = (width + 2 * padding - kw) // stride + 1
    # Put the images last, so that copies move long runs of memory, and a border of zeros around them.
    padded = np.zeros((channels, height + 2 * padding, width + 2 * padding, images), x.dtype)
    inside = np.s_[:, padding : padding + height, padding : padding + width]
    padded[inside] = x.data.transpose(1, 2, 3, 0)
    # For each place (i, j) of the kernel, the pixels that it meets as the kernel moves over the image.
    places = [
        (i, j, np.s_[:, i : i + rows * stride : stride, j : j + columns * stride : stride])
        for i in range(kh)
        for j in range(kw)
    ]
    # One line per weight of a filter, one column per position: what that weight sees there.
    seen = np.empty((channels, kh, kw, rows, columns, images), x.dtype)
    for i, j, pixels in places:
        seen[:, i, j] = padded[pixels]
    seen = seen.reshape(channels * kh * kw, rows * columns * images)
    # Now all filters at all positions are one matrix product.
    flat = weight.data.reshape(filters, -1)
    out = flat @ seen
    if bias is not None:
        out += bias.data[:, np.newaxis]

    def lines(g: np.ndarray) -> np.ndarray:
        return g.transpose(1, 2, 3, 0).reshape(filters, -1)

    def gradient_of_x(g: np.ndarray) -> np.ndarray:
        # What each weight saw gets that weight's share of g; laid back where it was seen, overlaps add up.
        shares = (flat.T @ lines(g)).reshape(channels, kh, kw, rows, columns, images)
        gradient = np.zeros_like(padded)
        for i, j, pixels in places:
            gradient[pixels] += shares[:, i, j]
        return gradient[inside].transpose(3, 0, 1, 2)

    def gradient_of_weight(g: np.ndarray) -> np.ndarray:
        # Each weight collects g times what it saw.
        return (lines(g) @ seen.T).reshape(weight.shape)

    def gradient_of_bias(g: np.ndarray) -> np.ndarray:
        # The bias was added at every position of every image.
        return g.sum(axis=(0, 2, 3))

    return Tensor.of(
        out.reshape(filters, rows, columns, images).transpose(3, 0, 1, 2),
        (x, gradient_of_x),
        (weight, gradient_of_weight),
        (bias, gradient_of_bias),
    )
