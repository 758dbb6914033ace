"""The negative entropy of q minus the mean of log p under q, with the constants written out."""

import math

from torch import Tensor


def gaussian_kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    two_pi = math.log(2 * math.pi)
    negative_entropy = -0.5 * (log_variance + 1 + two_pi)
    mean_log_prior = -0.5 * (mean**2 + log_variance.exp() + two_pi)
    return (negative_entropy - mean_log_prior).sum(-1)
