"""The sign of the logit says which side the pixel should have been on: log sigmoid of logit or of its negative."""

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid


def bernoulli_log_likelihood(logits: Tensor, x: Tensor) -> Tensor:
    white, black = logsigmoid(logits), logsigmoid(-logits)
    return torch.lerp(black, white, x.expand_as(logits)).sum(-1)
