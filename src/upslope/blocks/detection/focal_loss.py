"""Focal loss: what is known already hardly counts.

T.-Y. Lin, P. Goyal, R. Girshick, K. He, P. Dollar, "Focal Loss for Dense Object Detection", 2017,
https://arxiv.org/abs/1708.02002. A dense detector answers at tens of thousands of places, of which a handful hold an
object: the many easy negatives outweigh them in a plain cross-entropy. Left out: the softmax form.
"""

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F


def sigmoid_focal_loss(
    logits: Float[Tensor, "*B"], targets: Float[Tensor, "*B"], *, alpha: float = 0.25, gamma: float = 2.0
) -> Float[Tensor, ""]:
    """The sum of -alpha_t (1 - p_t)^gamma log p_t over all places, divided by the number of positive ones, at least 1.

    `targets` is 1 where there is an object and 0 elsewhere. With p = sigmoid(logits), p_t and alpha_t are p and alpha
    for targets of 1, and 1 - p and 1 - alpha for targets of 0. A batch without any object has the finite loss of its
    negatives. Logits of +-1000 give no nan, nor do their gradients. For one logit of ln 3, so p = 0.75, target 1,
    alpha = 0.25 and gamma = 2 it is 0.25 * 0.25^2 * ln(4/3) = 0.0045. Lin et al. 2017, section 3 and, for the
    divisor, section 4.1.
    """
    # The logit of being right: p_t = sigmoid(z), for positives and negatives alike.
    z = logits * (2 * targets - 1)
    # log p_t and log(1 - p_t), by a softplus that cannot overflow.
    surprise, doubt = F.softplus(-z), -F.softplus(z)
    # (1 - p_t)^gamma as an exponential: its slope is finite everywhere.
    focus = (gamma * doubt).exp()
    # How much each kind counts.
    weight = alpha * targets + (1 - alpha) * (1 - targets)
    # Negatives are many or few; what the loss should not depend on is the number of objects.
    return (weight * focus * surprise).sum() / targets.sum().clamp(min=1)
