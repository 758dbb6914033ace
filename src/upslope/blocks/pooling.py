"""Global average pooling: one number for each channel, wherever in the picture it was found.

M. Lin, Q. Chen, S. Yan, "Network In Network", 2013, https://arxiv.org/abs/1312.4400, section 3.2.
"""

from jaxtyping import Float
from torch import Tensor


def global_average_pool(x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C"]:
    """The mean over height and width: (B, C, H, W) to (B, C), for pictures of any size.

    The picture [[1, 2], [3, 6]] in one channel becomes [3]. Backward: every pixel gets g / (H * W). Lin et al. 2013,
    section 3.2.
    """
    # The mean over both spatial dimensions, 2 and 3; samples and channels stay apart.
    return x.mean(dim=(2, 3))  # one number for each channel: (B, C)
