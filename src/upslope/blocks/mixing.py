"""Mixing pairs of samples: two pictures become one, and so do their labels.

- H. Zhang, M. Cisse, Y. N. Dauphin, D. Lopez-Paz, "mixup: Beyond Empirical Risk Minimization", 2018,
  https://arxiv.org/abs/1710.09412: both pictures show through each other.
- S. Yun, D. Han, S. J. Oh, S. Chun, J. Choe, Y. Yoo, "CutMix", 2019, https://arxiv.org/abs/1905.04899: a box of one is
  pasted into the other.

Who is mixed with whom, and how much, the caller draws: shares from a beta distribution, partners as a permutation.
Labels are probabilities, (B, K), for a cross-entropy with soft targets.
"""

import math

from jaxtyping import Float, Int
from torch import Tensor


def mixup(
    images: Float[Tensor, "B *rest"],
    targets: Float[Tensor, "B K"],
    *,
    partners: Int[Tensor, " B"],
    shares: Float[Tensor, " B"],
) -> tuple[Float[Tensor, "B *rest"], Float[Tensor, "B K"]]:
    """Each sample blended with its partner: shares[i] x[i] + (1 - shares[i]) x[partners[i]], and its target alike.

    Samples may have any shape; nothing is changed in place. For images [[4], [8]], targets [[1, 0], [0, 1]], partners
    [1, 0] and shares [0.75, 0.5] the image that comes out first is 0.75 * 4 + 0.25 * 8 = 5 and the second 6; the
    targets are [[0.75, 0.25], [0.5, 0.5]]. Zhang et al. 2018, equation in the introduction.
    """
    # One number for each sample, whatever shape the samples have.
    own = shares.reshape(-1, *[1] * (images.ndim - 1))
    blended = own * images + (1 - own) * images[partners]
    # The labels say how much of each there is.
    own = shares[:, None]
    return blended, own * targets + (1 - own) * targets[partners]


def cutmix(
    images: Float[Tensor, "B C H W"],
    targets: Float[Tensor, "B K"],
    *,
    partners: Int[Tensor, " B"],
    share: float,
    center: tuple[int, int],
) -> tuple[Float[Tensor, "B C H W"], Float[Tensor, "B K"]]:
    """A box of each picture is replaced by the same box of its partner's, and targets are mixed by area.

    The box has floor(H sqrt(1 - share)) rows and floor(W sqrt(1 - share)) columns. It begins half of these, rounded
    down, above and to the left of `center` = (row, column); what lies outside of the picture is cut off. With k the
    share of the picture's pixels that stay, which is not `share` where something was cut off, a target becomes
    k t[i] + (1 - k) t[partners[i]]. Nothing is changed in place. For pictures of 4 x 4, share = 0.75 and center = (0,
    0) the box is 2 x 2, and 1 x 1 of it lies inside: k = 15/16, and of the targets [[1, 0], [0, 1]] with partners
    [1, 0] the first becomes [15/16, 1/16]. Yun et al. 2019, section 3.1.
    """
    height, width = images.shape[2:]
    # The side's share is the root of the area's.
    rows, columns = (math.floor(size * math.sqrt(1 - share)) for size in (height, width))
    top, left = center[0] - rows // 2, center[1] - columns // 2
    bottom, right = min(top + rows, height), min(left + columns, width)
    top, left = max(top, 0), max(left, 0)
    # Only the box comes from the partner.
    mixed = images.clone()
    mixed[:, :, top:bottom, left:right] = images[partners, :, top:bottom, left:right]
    # The labels go by what is really seen.
    kept = 1 - (bottom - top) * (right - left) / (height * width)
    return mixed, kept * targets + (1 - kept) * targets[partners]
