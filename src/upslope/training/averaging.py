"""Averaged weights: a copy of a network that follows it slowly, and is often better than any single step of it.

B. Polyak, A. Juditsky, "Acceleration of Stochastic Approximation by Averaging", 1992,
https://doi.org/10.1137/0330046; exponential, as in Y. Yazici et al., https://arxiv.org/abs/1806.04498.
"""

import copy

from torch import nn

from upslope.blocks.averaging import ema_update


class AveragedWeights:
    """The exponential moving average of a module's weights; `module` is what evaluates and samples."""

    def __init__(self, model: nn.Module, *, decay: float) -> None:
        """`decay` is the share of the average that stays at each step: 0.999 remembers about 1,000 steps."""
        if not 0 <= decay < 1:
            raise ValueError(f"decay is at least 0 and below 1, got {decay}")
        self.model, self.decay = model, decay
        self.module = copy.deepcopy(model).eval().requires_grad_(False)

    def update(self) -> None:
        """Take the weights of this step into the average."""
        ema_update(self.module, self.model, decay=self.decay)
