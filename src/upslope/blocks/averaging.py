"""An exponential moving average of a model's weights, the copy that is evaluated and sampled from.

B. T. Polyak, A. B. Juditsky, "Acceleration of Stochastic Approximation by Averaging", 1992, averaged the iterates of
an optimizer. For generators: Y. Yazici et al., "The Unusual Effectiveness of Averaging in GAN Training", 2018,
https://arxiv.org/abs/1806.04498.
"""

import torch
from torch import nn


@torch.no_grad()
def ema_update(average: nn.Module, model: nn.Module, *, decay: float) -> None:
    """Move `average`, a copy of `model`, a little towards it, in place: a = decay * a + (1 - decay) * w.

    Every parameter is averaged, once, also where two layers share it. Every buffer is copied as it is: a running
    variance is an average already, and a counter has no half. `model` stays as it is, and no gradient is recorded.
    With decay 0.9, a = 2 and w = 3, a becomes 2.1. Decay 0 copies, decay 1 changes no parameter; a decay outside of
    [0, 1] is refused: ValueError says "decay=1.5 is not in [0, 1]". Yazici et al. 2018, equation 1.
    """
    # A weight of the past that is negative or above 1 would make the copy run away.
    if not 0 <= decay <= 1:
        raise ValueError(f"decay={decay} is not in [0, 1]")
    # Parameters, pair by pair: the old average shrinks, the rest of 1 comes from the model.
    for mine, theirs in zip(average.parameters(), model.parameters(), strict=True):
        mine.mul_(decay).add_(theirs, alpha=1 - decay)
    # Buffers as they are: running means, variances, counters.
    for held, current in zip(average.buffers(), model.buffers(), strict=True):
        held.copy_(current)
