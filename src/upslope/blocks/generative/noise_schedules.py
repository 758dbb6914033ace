"""Noise schedules: how much of an image is left after each step of the way into noise.

J. Ho, A. Jain, P. Abbeel, "Denoising Diffusion Probabilistic Models", 2020, https://arxiv.org/abs/2006.11239 (linear);
R. Rombach et al., "High-Resolution Image Synthesis with Latent Diffusion Models", 2021,
https://arxiv.org/abs/2112.10752 (scaled linear); A. Nichol, P. Dhariwal, "Improved Denoising Diffusion Probabilistic
Models", 2021, https://arxiv.org/abs/2102.09672 (cosine).

Step t multiplies the image by sqrt(1 - beta_t) and adds noise of variance beta_t. What counts in the end is
alpha_bar_t, the product of 1 - beta up to t: the share of the image in the variance of a noisy one. All in float64,
since the last alpha_bar of the cosine is 2e-9.
"""

import math
from collections.abc import Callable
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

Schedule = Literal["linear", "scaled_linear", "cosine"]


def linear_betas(steps: int, *, first: float = 1e-4, last: float = 0.02) -> Float[Tensor, " T"]:
    """Evenly from `first` to `last` (Ho et al. 2020, section 4)."""
    return torch.linspace(first, last, steps, dtype=torch.float64)


def scaled_linear_betas(steps: int, *, first: float = 0.00085, last: float = 0.012) -> Float[Tensor, " T"]:
    """The square of what goes evenly from sqrt(first) to sqrt(last) (Rombach et al. 2021, published code)."""
    return torch.linspace(math.sqrt(first), math.sqrt(last), steps, dtype=torch.float64).square()


def cosine_betas(steps: int, *, offset: float = 0.008, most: float = 0.999) -> Float[Tensor, " T"]:
    """Betas whose alpha_bar follows cos^2((t / T + offset) / (1 + offset) * pi / 2), none above `most`.

    Small images are not yet destroyed half way, as they are by linear betas. Nichol and Dhariwal 2021, equation 17.
    """
    time = torch.linspace(0, 1, steps + 1, dtype=torch.float64)
    kept = ((time + offset) / (1 + offset) * math.pi / 2).cos().square()
    return (1 - kept[1:] / kept[:-1]).clamp(max=most)


def alpha_bars(schedule: Schedule, steps: int = 1000) -> Float[Tensor, " T"]:
    """The share of the image's variance after each of `steps` steps, falling; the first is that after one step.

    Raises:
        ValueError: fewer than two steps, or a schedule of another name.
    """
    if steps < 2:
        raise ValueError(f"steps={steps}: noise is added in at least 2 steps")
    kinds: dict[str, Callable[[int], Tensor]] = {
        "linear": linear_betas,
        "scaled_linear": scaled_linear_betas,
        "cosine": cosine_betas,
    }
    if schedule not in kinds:
        raise ValueError(f'there is no schedule "{schedule}"; there are {", ".join(kinds)}')
    return (1 - kinds[schedule](steps)).cumprod(0)
