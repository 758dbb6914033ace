"""Group by group, with the mean subtracted by hand."""

import torch
from torch import Tensor


def minibatch_deviation(x: Tensor, *, group: int = 0, epsilon: float = 1e-8) -> Tensor:
    size = group if group > 0 else x.shape[0]
    if x.shape[0] % size != 0:
        raise ValueError(f"group={group} is no divisor of {x.shape[0]} samples")
    count = x.shape[0] // size
    channel = torch.empty_like(x[:, :1])
    numbers = []
    for first in range(count):
        members = x[first::count]
        spread = ((members - members.mean(0, keepdim=True)) ** 2).mean(0) + epsilon
        numbers.append((spread**0.5).mean())
    rows = [numbers[row % count] * torch.ones_like(channel[row]) for row in range(x.shape[0])]
    return torch.cat((x, torch.stack(rows)), dim=1)
