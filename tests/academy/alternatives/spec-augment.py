"""A sample at a time, with a start drawn by randint and slices in place of masks."""

import torch
from torch import Tensor


def spec_augment(
    x: Tensor, *, freq_width: int, time_width: int, generator: torch.Generator, fill: float = 0.0
) -> Tensor:
    _, bands, frames = x.shape
    if freq_width > bands:
        raise ValueError(f"freq_width={freq_width} of {bands} bands")
    if time_width > frames:
        raise ValueError(f"time_width={time_width} of {frames} frames")

    def draw(most):
        return int(torch.randint(most + 1, (), generator=generator))

    out = x.clone()
    for sample in out:
        rows = draw(freq_width)
        first = draw(bands - rows)
        sample[first : first + rows] = fill
        columns = draw(time_width)
        first = draw(frames - columns)
        sample[:, first : first + columns] = fill
    return out
