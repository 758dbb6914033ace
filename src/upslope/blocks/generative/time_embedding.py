"""How a network is told which step of the diffusion it is at: by a row of sines and cosines.

J. Ho, A. Jain, P. Abbeel, "Denoising Diffusion Probabilistic Models", 2020, https://arxiv.org/abs/2006.11239, appendix
B, after A. Vaswani et al., "Attention Is All You Need", 2017, https://arxiv.org/abs/1706.03762, section 3.5.
"""

import torch
from jaxtyping import Float, Num
from torch import Tensor


def time_embedding(step: Num[Tensor, " B"], dim: int, *, longest: float = 10_000.0) -> Float[Tensor, "B D"]:
    """All sines first, then all cosines: sin(t f_i) at i and cos(t f_i) at dim / 2 + i.

    f_i = longest ** (-i / (dim / 2 - 1)), i from 0 to dim / 2 - 1: from 1 down to 1 / longest radians a step, both ends
    included. Steps may lie between whole numbers; the result is float32. `dim` is even and at least 4, else ValueError
    says "dim=5". For step 2 and dim 4 it is [sin 2, sin 0.0002, cos 2, cos 0.0002], about [0.9093, 0.0002, -0.4161,
    1]. Ho et al. 2020, appendix B, as in the authors' code.
    """
    # A sine and its cosine share a frequency, and there is a fastest and a slowest one.
    half = dim // 2
    if dim % 2 or half < 2:
        raise ValueError(f"dim={dim}: the sines and cosines need an even number of at least 4")
    # Frequencies in a geometric progression from 1 to 1 / longest, both ends included: (D/2,).
    place = torch.linspace(0, 1, half, device=step.device)
    frequencies = longest**-place
    # The angle of each frequency at each sample's step: (B, D/2).
    angles = step.float()[:, None] * frequencies
    # The sines of all, then the cosines of all.
    return torch.cat([angles.sin(), angles.cos()], dim=1)
