"""The two kinds apart, by log-sigmoids."""

from torch import Tensor
from torch.nn.functional import logsigmoid


def sigmoid_focal_loss(logits: Tensor, targets: Tensor, *, alpha: float = 0.25, gamma: float = 2.0) -> Tensor:
    yes, no = logsigmoid(logits), logsigmoid(-logits)
    object_ = -alpha * (gamma * no).exp() * yes
    nothing = -(1 - alpha) * (gamma * yes).exp() * no
    total = (targets * object_ + (1 - targets) * nothing).sum()
    return total / max(1.0, targets.sum().item())
