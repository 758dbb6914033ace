"""Samplers: given a noisy x and the image that the network sees in it, x with less noise.

- DDPM (Ho et al. 2020) draws fresh noise in every step; DDIM (Song et al. 2020) none, or a share `eta` of it.
- Euler follows the differential equation that DDIM solves, in the units of T. Karras et al. 2022,
  https://arxiv.org/abs/2206.00364, algorithm 1: x is an image plus sigma times noise. On the same steps it is DDIM.
- DPM-Solver++(2M) (C. Lu et al. 2022, https://arxiv.org/abs/2211.01095, algorithm 2) looks at the last image as well,
  and so follows the same curve with fewer steps.
- Left out: singlestep solvers, correctors, Karras' levels of noise, learned variances.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

from torch import Tensor

from upslope.blocks.generative.denoising_steps import ddim_step, ddpm_step

Fresh = Callable[[], Tensor]  # standard normal noise of the samples' shape


class Sampler(ABC):
    """The steps of one batch from noise to image; a sampler may remember the step before, so each batch has its own."""

    draws: ClassVar[bool] = False  # whether fresh noise is asked for

    @abstractmethod
    def __call__(self, x: Tensor, image: Tensor, *, alpha_bar: float, alpha_bar_after: float, fresh: Fresh) -> Tensor:
        """x after the step; `image` is what the network sees in x."""


class DDPM(Sampler):
    """The random step of Ho et al. 2020, with the smaller of their two variances."""

    draws = True

    def __call__(self, x: Tensor, image: Tensor, *, alpha_bar: float, alpha_bar_after: float, fresh: Fresh) -> Tensor:
        return ddpm_step(x, image, alpha_bar=alpha_bar, alpha_bar_after=alpha_bar_after, fresh=fresh())


class DDIM(Sampler):
    """The step of Song et al. 2020: without chance (eta 0), with that of DDPM (eta 1), or between."""

    def __init__(self, eta: float = 0.0) -> None:
        self.eta = eta

    def __call__(self, x: Tensor, image: Tensor, *, alpha_bar: float, alpha_bar_after: float, fresh: Fresh) -> Tensor:
        drawn = fresh() if self.eta else None
        return ddim_step(x, image, alpha_bar=alpha_bar, alpha_bar_after=alpha_bar_after, eta=self.eta, fresh=drawn)


class Euler(Sampler):
    """A straight step along the slope (x - image) / sigma, where x is an image plus sigma times noise."""

    def __call__(self, x: Tensor, image: Tensor, *, alpha_bar: float, alpha_bar_after: float, fresh: Fresh) -> Tensor:
        sigma, after = (math.sqrt((1 - level) / level) for level in (alpha_bar, alpha_bar_after))
        x = x / math.sqrt(alpha_bar)
        slope = (x - image) / sigma
        return (x + (after - sigma) * slope) * math.sqrt(alpha_bar_after)


class DPMSolver(Sampler):
    """DPM-Solver++(2M): a straight line through the last two images, on the scale of log(signal / noise)."""

    def __init__(self) -> None:
        self._last: tuple[Tensor, float] | None = None  # the image seen in the step before, and how far that step went

    def __call__(self, x: Tensor, image: Tensor, *, alpha_bar: float, alpha_bar_after: float, fresh: Fresh) -> Tensor:
        ahead = _log_ratio(alpha_bar_after) - _log_ratio(alpha_bar)
        seen = image
        # The last step goes all the way, where there is no second order.
        if self._last is not None and alpha_bar_after < 1:
            before, back = self._last
            seen = image + (image - before) * (ahead / back) / 2
        self._last = (image, ahead)
        of_x = math.sqrt((1 - alpha_bar_after) / (1 - alpha_bar))
        return of_x * x - math.sqrt(alpha_bar_after) * math.expm1(-ahead) * seen


def _log_ratio(alpha_bar: float) -> float:
    """log(signal / noise); infinite without noise."""
    return 0.5 * math.log(alpha_bar / (1 - alpha_bar)) if alpha_bar < 1 else math.inf


SAMPLERS: dict[str, type[Sampler]] = {"ddpm": DDPM, "ddim": DDIM, "euler": Euler, "dpm-solver": DPMSolver}
