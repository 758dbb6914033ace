"""By linear interpolation, through the state of the parameters' data."""

import torch
from torch import nn


def ema_update(average: nn.Module, model: nn.Module, *, decay: float) -> None:
    if decay < 0 or decay > 1:
        raise ValueError(f"decay={decay} is not in [0, 1]")
    theirs = dict(model.named_parameters())
    with torch.no_grad():
        for name, parameter in average.named_parameters():
            parameter.copy_(torch.lerp(parameter, theirs[name], 1 - decay))
        for old, new in zip(average.buffers(), model.buffers(), strict=True):
            old[...] = new
