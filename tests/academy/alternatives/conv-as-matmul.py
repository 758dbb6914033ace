"""Places of the filter in a loop: one matrix product for each, added up."""

import torch


def conv2d_as_matmul(x, weight, bias=None, *, stride=1, padding=0):
    batch, channels, height, width = x.shape
    _, _, k, w = weight.shape
    padded = torch.zeros(batch, channels, height + 2 * padding, width + 2 * padding, dtype=x.dtype)
    padded[:, :, padding : padding + height, padding : padding + width] = x
    rows = (height + 2 * padding - k) // stride + 1
    columns = (width + 2 * padding - w) // stride + 1
    total = 0
    for i in range(k):
        for j in range(w):
            seen = padded[:, :, i : i + stride * (rows - 1) + 1 : stride, j : j + stride * (columns - 1) + 1 : stride]
            total = total + torch.einsum("bchw,oc->bohw", seen, weight[:, :, i, j])
    return total if bias is None else total + bias[:, None, None]
