"""The forward process of diffusion models: from an image to its noisy version at any step, in one go.

J. Ho, A. Jain, P. Abbeel, "Denoising Diffusion Probabilistic Models", 2020, https://arxiv.org/abs/2006.11239.
"""

from jaxtyping import Float, Int
from torch import Tensor


def add_noise(
    x: Float[Tensor, "B *S"], noise: Float[Tensor, "B *S"], step: Int[Tensor, " B"], alpha_bars: Float[Tensor, " T"]
) -> Float[Tensor, "B *S"]:
    """sqrt(a) * x + sqrt(1 - a) * noise, where a = alpha_bars[step]: each sample of the batch at a step of its own.

    `noise` is standard normal and drawn by the caller; `step` counts from 0. If the pixels have variance 1 the result
    has, too. It keeps the dtype of `x`, also where `alpha_bars` is float64. With alpha_bars [0.64, 0.36], step [1] and
    noise [[-1]], x = [[2]] becomes [[0.4]], which is 0.6 * 2 - 0.8 * 1. Ho et al. 2020, equation 4.
    """
    # What is left of each sample's variance at its own step: (B,).
    kept = alpha_bars[step]
    # One factor for all numbers of a sample: (B, 1, ..., 1), which broadcasts over whatever a sample is.
    kept = kept.reshape(-1, *[1] * (x.ndim - 1))
    # The roots scale standard deviations; their squares add up to 1.
    return kept.sqrt().to(x.dtype) * x + (1 - kept).sqrt().to(x.dtype) * noise
