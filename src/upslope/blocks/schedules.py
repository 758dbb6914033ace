"""Learning rates over time: a linear warm-up, then half a cosine down.

I. Loshchilov, F. Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", 2016, https://arxiv.org/abs/1608.03983,
equation 5, without restarts; the warm-up after P. Goyal et al. 2017, https://arxiv.org/abs/1706.02677, section 2.2.
"""

import math


def warmup_cosine(step: int, *, total: int, warmup: int, final: float = 0.0) -> float:
    """By how much the highest learning rate is multiplied at `step`, counted from 0 to total - 1.

    In the first `warmup` steps it climbs evenly, from 1 / (warmup + 1) on step 0 to warmup / (warmup + 1). Step
    `warmup` has the factor 1, step total - 1 has `final`, and between them lies half a cosine. After that it stays
    `final`. If warmup = total - 1, the last step is the highest one and has the factor 1. With total=6, warmup=1 and
    final=0 the list of factors is 0.5, 1, 0.854, 0.5, 0.146, 0. A warm-up that leaves no step for the descent is
    refused: ValueError says "warmup=6 must be smaller than total=6". Loshchilov and Hutter 2016, equation 5.
    """
    # The descent needs at least its first step.
    if not 0 <= warmup < total:
        raise ValueError(f"warmup={warmup} must be smaller than total={total}")
    # Up in even steps, so that the first gradients, which are the wildest, move little.
    if step < warmup:
        return (step + 1) / (warmup + 1)
    # How far the descent has come, from 0 to 1.
    done = min(1.0, (step - warmup) / max(1, total - 1 - warmup))
    # Half a cosine, from 1 to the final factor.
    return final + (1 - final) * (1 + math.cos(math.pi * done)) / 2
