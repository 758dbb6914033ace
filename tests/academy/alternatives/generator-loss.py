"""By PyTorch's own logarithm of the sigmoid."""

from torch import Tensor
from torch.nn import functional as F


def generator_loss(fake_logits: Tensor) -> Tensor:
    return -F.logsigmoid(fake_logits).mean()
