"""One position after the other, each a contraction of a window with all filters."""

import numpy as np

from upslope.scratch.tensor import Tensor


def conv2d(x: Tensor, weight: Tensor, bias: Tensor | None = None, *, stride: int = 1, padding: int = 0) -> Tensor:
    w = weight.data
    border = ((0, 0), (0, 0), (padding, padding), (padding, padding))
    wide = np.pad(x.data, border)
    kh, kw = w.shape[2:]
    if wide.shape[1] != w.shape[1] or wide.shape[2] < kh or wide.shape[3] < kw:
        raise ValueError(f"{x.shape} does not fit {weight.shape}")
    tops = range(0, wide.shape[2] - kh + 1, stride)
    lefts = range(0, wide.shape[3] - kw + 1, stride)
    out = np.empty((len(wide), len(w), len(tops), len(lefts)), x.dtype)
    for r, top in enumerate(tops):
        for c, left in enumerate(lefts):
            out[:, :, r, c] = np.tensordot(wide[:, :, top : top + kh, left : left + kw], w, ((1, 2, 3), (1, 2, 3)))
    if bias is not None:
        out = out + bias.data.reshape(1, -1, 1, 1)

    def to_x(g):
        grown = np.zeros_like(wide)
        for r, top in enumerate(tops):
            for c, left in enumerate(lefts):
                grown[:, :, top : top + kh, left : left + kw] += np.tensordot(g[:, :, r, c], w, 1)
        height, width = x.shape[2:]
        return grown[:, :, padding : padding + height, padding : padding + width]

    def to_weight(g):
        grown = np.zeros_like(w)
        for r, top in enumerate(tops):
            for c, left in enumerate(lefts):
                grown += np.tensordot(g[:, :, r, c], wide[:, :, top : top + kh, left : left + kw], ((0,), (0,)))
        return grown

    return Tensor.of(out, (x, to_x), (weight, to_weight), (bias, lambda g: g.sum(axis=3).sum(axis=2).sum(axis=0)))
