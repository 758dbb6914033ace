"""Places of the kernel in a loop: the numbers of all places, weighted, go to one slice of the output."""

import torch


def transposed_convolution(x, weight, bias=None, *, stride, padding=0):
    batch, channels, height, width = x.shape
    known, out, k, w = weight.shape
    if channels != known:
        raise ValueError(f"weight is for {known} channels, not for {channels}")
    tall, wide = (height - 1) * stride + k, (width - 1) * stride + w
    if 2 * padding >= min(tall, wide):
        raise ValueError(f"of {tall - 2 * padding} x {wide - 2 * padding} places, padding={padding} leaves none")
    canvas = torch.zeros(batch, out, tall, wide, dtype=x.dtype)
    for i in range(k):
        for j in range(w):
            part = torch.einsum("bchw,co->bohw", x, weight[:, :, i, j])
            canvas[:, :, i : tall - k + i + 1 : stride, j : wide - w + j + 1 : stride] += part
    result = canvas[:, :, padding : tall - padding, padding : wide - padding]
    return result if bias is None else result + bias.reshape(-1, 1, 1)
