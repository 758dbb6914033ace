"""Windows laid side by side, the place of the largest by argmax, the gradient put back with np.add.at."""

import numpy as np

from upslope.scratch.tensor import Tensor


def max_pool2d(x: Tensor, kernel_size: int, *, stride: int | None = None) -> Tensor:
    step = kernel_size if stride is None else stride
    if kernel_size > x.shape[2] or kernel_size > x.shape[3]:
        raise ValueError(f"a window of {kernel_size} is larger than {x.shape}")
    views = np.lib.stride_tricks.sliding_window_view(x.data, (kernel_size, kernel_size), axis=(2, 3))
    views = views[:, :, ::step, ::step]
    flat = views.reshape(*views.shape[:4], -1)
    winner = flat.argmax(axis=-1)
    images, channels, tops, lefts = np.indices(winner.shape)
    rows = tops * step + winner // kernel_size
    columns = lefts * step + winner % kernel_size

    def back(g):
        grown = np.zeros(x.shape, g.dtype)
        np.add.at(grown, (images, channels, rows, columns), g)
        return grown

    return x.then(flat.max(axis=-1), back)
