"""Convolution: the same small filters applied everywhere in an image."""

import numpy as np

from upslope.scratch.tensor import Tensor


def images_last(images: np.ndarray) -> np.ndarray:
    """(B, C, H, W) as (C, H, W, B): a number of all images in one run of memory. Copied only if it lies otherwise."""
    last = images.transpose(1, 2, 3, 0)
    if last.flags.c_contiguous:
        return last
    copy = np.empty(last.shape, last.dtype)
    # Sixteen numbers fill one line of the processor's cache: so many images at a time write whole lines.
    for first in range(0, len(images), 16):
        copy[..., first : first + 16] = last[..., first : first + 16]
    return copy


def conv2d(x: Tensor, weight: Tensor, bias: Tensor | None = None, *, stride: int = 1, padding: int = 0) -> Tensor:
    """Slide filters over images and note how well they fit at every place.

    out[b, o, r, c] = bias[o] + sum_{k, i, j} weight[o, k, i, j] x[b, k, r s + i, c s + j]

    x is (B, C, H, W), weight (O, C, KH, KW), bias (O,) or None, s the stride. x is first surrounded by `padding`
    zeros on every side. The result is (B, O, HO, WO) in x's dtype, HO = (H + 2 padding - KH) // stride + 1 and WO
    likewise. As in every library of the field this is a cross-correlation: the filters are not flipped. Sizes that do
    not fit raise a ValueError with both shapes.
    Backward: weight.grad[o, k, i, j] += the sum over b, r, c of g[b, o, r, c] x[b, k, r s + i, c s + j]; into x.grad
    each g[b, o, r, c] brings its filter, laid where it stood, overlaps added; bias.grad += g summed over b, r and c.
    [[1, 2, 3]] under the filter [[1, -1]] is [[-1, -1]]; g = [[1, 1]] goes back to x as [[1, 0, -1]], to the filter
    as [[3, 5]].
    LeCun et al. 1989; as matrix products: Chellapilla et al. 2006.
    """
    images, channels, height, width = x.shape
    filters, depth, kh, kw = shape = weight.shape
    if channels != depth or kh > height + 2 * padding or kw > width + 2 * padding:
        raise ValueError(f"conv2d: images {x.shape} with padding={padding} do not fit filters {shape}")
    rows = (height + 2 * padding - kh) // stride + 1
    columns = (width + 2 * padding - kw) // stride + 1
    # Surround the images by zeros; the images come last, so that copies move long runs of memory.
    padded = np.zeros((channels, height + 2 * padding, width + 2 * padding, images), x.dtype)
    inside = np.s_[:, padding : padding + height, padding : padding + width]
    padded[inside] = images_last(x.data)
    # As the filters slide, their weights at (i, j) meet every stride-th pixel from (i, j) on.
    met = {
        (i, j): np.s_[:, i : i + rows * stride : stride, j : j + columns * stride : stride]
        for i in range(kh)
        for j in range(kw)
    }

    def seen() -> np.ndarray:
        # Line up what each weight meets: one line per weight, one column per position and image.
        lines = np.empty((channels, kh, kw, rows, columns, images), padded.dtype)
        for (i, j), pixels in met.items():
            lines[:, i, j] = padded[pixels]
        return lines.reshape(channels * kh * kw, -1)

    # Every filter's weighted sum at every position is one matrix product.
    flat = weight.data.reshape(filters, -1)
    out = flat @ seen()
    if bias is not None:
        out += bias.data[:, np.newaxis]

    def gradient_of_weight(g: np.ndarray) -> np.ndarray:
        # Each weight collects g times what it saw.
        gradient: np.ndarray = images_last(g).reshape(filters, -1) @ seen().T
        return gradient.reshape(shape)

    def gradient_of_x(g: np.ndarray) -> np.ndarray:
        # What a weight saw gets g times that weight, summed over the filters.
        shares = (flat.T @ images_last(g).reshape(filters, -1)).reshape(channels, kh, kw, rows, columns, images)
        # Lay the shares back where they were seen; overlaps add up.
        gradient = np.zeros_like(padded)
        for (i, j), pixels in met.items():
            gradient[pixels] += shares[:, i, j]
        return gradient[inside].transpose(3, 0, 1, 2)

    return Tensor.of(
        out.reshape(filters, rows, columns, images).transpose(3, 0, 1, 2),
        (x, gradient_of_x),
        (weight, gradient_of_weight),
        # The bias was added at every position of every image.
        (bias, lambda g: g.sum(axis=(0, 2, 3))),
    )
