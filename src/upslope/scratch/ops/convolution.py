"""Convolution: the same small filters looked for everywhere in an image."""

from functools import lru_cache

import numpy as np

from upslope.scratch.tensor import Tensor


def conv2d(x: Tensor, weight: Tensor, bias: Tensor | None = None, *, stride: int = 1, padding: int = 0) -> Tensor:
    """Slide filters over images and note how well they fit at every place.

    out[b, o, r, s] = bias[o] + sum_{c, i, j} weight[o, c, i, j] x[b, c, r t + i, s t + j]

    x is (B, C, H, W), weight (O, C, KH, KW), bias (O,) or None, t the stride. x is first surrounded by `padding`
    zeros on every side. The result is (B, O, HO, WO) in x's dtype, HO = (H + 2 padding - KH) // stride + 1 and WO
    likewise. As in every library of the field this is a cross-correlation: the filters are not flipped. Sizes that do
    not fit raise a ValueError with both shapes.
    Backward: weight.grad[o, c, i, j] += the sum over b, r, s of g[b, o, r, s] x[b, c, r t + i, s t + j]; into x.grad
    each g[b, o, r, s] brings its filter, laid where it stood, overlaps added; bias.grad += g summed over b, r and s.
    [[1, 2, 3]] under the filter [[1, -1]] is [[-1, -1]]; g = [[1, 1]] goes back to x as [[1, 0, -1]], to the filter
    as [[3, 5]].
    LeCun et al. 1989; as matrix products: Chellapilla et al. 2006.
    """
    images, channels, height, width = x.shape
    filters, _, kh, kw = shape = weight.shape
    if channels != shape[1] or kh > height + 2 * padding or kw > width + 2 * padding:
        raise ValueError(f"conv2d: images {x.shape} with padding={padding} do not fit filters {weight.shape}")
    rows = (height + 2 * padding - kh) // stride + 1
    columns = (width + 2 * padding - kw) // stride + 1
    # Surround the images by zeros; the images come last, so that copies move long runs of memory.
    padded = np.zeros((channels, height + 2 * padding, width + 2 * padding, images), x.dtype)
    inside = np.s_[:, padding : padding + height, padding : padding + width]
    padded[inside] = x.data.transpose(1, 2, 3, 0)
    # Take a band of the output's rows at a time, so that what its filters see fits into the processor's cache.
    step = max(1, 1_500_000 // (channels * kh * kw * columns * images))
    bands = [(top, min(top + step, rows)) for top in range(0, rows, step)]
    places = [(i, j) for i in range(kh) for j in range(kw)]

    # As a filter slides over a band, its weight at (i, j) meets every stride-th pixel from (i, j) on.
    def met(i: int, j: int, top: int, bottom: int) -> tuple[slice, ...]:
        return np.s_[:, i + top * stride : i + bottom * stride : stride, j : j + columns * stride : stride]

    # Line them up: one line per weight, one column per position and image. Backward may find the last band still there.
    @lru_cache(maxsize=1)
    def seen(top: int, bottom: int) -> np.ndarray:
        lines = np.empty((channels, kh, kw, bottom - top, columns, images), padded.dtype)
        for i, j in places:
            lines[:, i, j] = padded[met(i, j, top, bottom)]
        return lines.reshape(channels * kh * kw, -1)

    # Every filter's weighted sum at every position of a band is one matrix product.
    flat = weight.data.reshape(filters, -1)
    dtype = np.result_type(padded, flat)
    out = np.empty((filters, rows, columns * images), dtype)
    for top, bottom in bands:
        out[:, top:bottom] = (flat @ seen(top, bottom)).reshape(filters, -1, columns * images)
    if bias is not None:
        out += bias.data[:, np.newaxis, np.newaxis]

    def gradient_of_weight(g: np.ndarray) -> np.ndarray:
        # Each weight collects g times what it saw.
        g = g.transpose(1, 2, 3, 0).reshape(filters, rows, -1)
        gradient = np.zeros((channels * kh * kw, filters), dtype)
        for top, bottom in reversed(bands):
            gradient += seen(top, bottom) @ g[:, top:bottom].reshape(filters, -1).T
        return gradient.T.reshape(shape)

    def gradient_of_x(g: np.ndarray) -> np.ndarray:
        # What a weight saw gets g times that weight, summed over the filters.
        g = g.transpose(1, 2, 3, 0).reshape(filters, rows, -1)
        gradient = np.zeros_like(padded)
        for top, bottom in bands:
            shares = (flat.T @ g[:, top:bottom].reshape(filters, -1)).reshape(channels, kh, kw, -1, columns, images)
            # Lay the shares back where they were seen; overlaps add up.
            for i, j in places:
                gradient[met(i, j, top, bottom)] += shares[:, i, j]
        return gradient[inside].transpose(3, 0, 1, 2)

    return Tensor.of(
        out.reshape(filters, rows, columns, images).transpose(3, 0, 1, 2),
        (x, gradient_of_x),
        (weight, gradient_of_weight),
        # The bias was added at every position of every image.
        (bias, lambda g: g.sum(axis=(0, 2, 3))),
    )
