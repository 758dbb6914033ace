"""By singular values: the trace of the root is the nuclear norm of the product of the centred features."""

import torch
from torch import Tensor


def frechet_distance(a: Tensor, b: Tensor) -> float:
    centred = []
    for x in (a, b):
        if len(x) < 2:
            raise ValueError(f"{len(x)} row{'s' * (len(x) != 1)}: the covariance of so few is not defined")
        x = x.to(torch.float64)
        centred.append((x - x.mean(0)) / (len(x) - 1) ** 0.5)
    one, two = centred
    shared = torch.linalg.svdvals(one @ two.T).sum()
    apart = a.double().mean(0) - b.double().mean(0)
    return (apart @ apart + (one * one).sum() + (two * two).sum() - 2 * shared).item()
