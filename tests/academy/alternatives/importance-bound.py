"""Full densities, and the largest weight moved out of the mean by hand."""

import math

import torch
from torch import Tensor


def log_normal(x: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    each = (x - mean) ** 2 * torch.exp(-log_variance) + log_variance + math.log(2 * math.pi)
    return -each.sum(-1) / 2


def importance_weighted_bound(log_likelihood: Tensor, z: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    prior = log_normal(z, torch.zeros_like(mean), torch.zeros_like(mean))
    weights = log_likelihood + prior - log_normal(z, mean, log_variance)
    largest = weights.amax(0)
    return largest + torch.exp(weights - largest).mean(0).log()
