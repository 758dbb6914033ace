"""By log-sum-exp with a zero, one kind after the other."""

import torch
from torch import Tensor


def discriminator_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    total = real_logits.new_zeros(())
    for signed in (-real_logits, fake_logits):
        total = total + torch.logaddexp(signed, torch.zeros_like(signed)).sum() / signed.numel()
    return total
