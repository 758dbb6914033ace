"""Image by image, in a loop."""

import torch
from torch import Tensor


def r1_penalty(real_logits: Tensor, real: Tensor) -> Tensor:
    total = real.new_zeros(())
    for number, logit in enumerate(real_logits):
        (slope,) = torch.autograd.grad(logit.sum(), [real], create_graph=True, retain_graph=True)
        total = total + (slope[number] ** 2).sum()
    return total / len(real)
