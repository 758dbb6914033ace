"""Dice loss: overlap as a loss, for classes of which a picture holds little.

F. Milletari, N. Navab, S.-A. Ahmadi, "V-Net", 2016, https://arxiv.org/abs/1606.04797, section 3; L. R. Dice, "Measures
of the Amount of Ecologic Association Between Species", 1945, https://doi.org/10.2307/1932409.
"""

from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F


def dice_loss(
    logits: Float[Tensor, "B K H W"], target: Int[Tensor, "B H W"], *, ignore: int = -1, eps: float = 1.0
) -> Float[Tensor, ""]:
    """1 - the mean over classes of (2 sum p g + eps) / (sum p + sum g + eps), over all pixels of the batch together.

    p is the probability of the class, by a softmax over `logits`, g is 1 where `target` is the class and else 0. Pixels
    whose target is `ignore` are in no sum. A class that is nowhere, and that nobody claims, has the ratio 1. For two
    pixels of classes 0 and 1, logits that are all 0 and eps = 1, both ratios are (2 * 1/2 + 1) / (1 + 1 + 1) = 2/3, so
    dice_loss is 1/3. Milletari et al. 2016, section 3, with sums in the place of sums of squares.
    """
    real = target != ignore
    # What is not counted is 0 on both sides.
    p = logits.softmax(dim=1) * real[:, None]
    g = F.one_hot(target * real, logits.shape[1]).movedim(-1, 1) * real[:, None]
    # Over the batch and all pixels, class by class.
    shared, claimed, there = (x.sum(dim=(0, 2, 3)) for x in (p * g, p, g))
    return 1 - ((2 * shared + eps) / (claimed + there + eps)).mean()
