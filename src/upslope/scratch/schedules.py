"""Learning-rate schedules: the rate for a step, as plain functions of the step, so that a resumed run needs no memory.

for step in range(total):
    optimizer.lr = one_cycle(step, total, max_lr=1e-2)
"""

import math


def cosine(step: int, total: int, *, lr: float, warmup: int = 0, min_lr: float = 0.0) -> float:
    """Up in a straight line over `warmup` steps, then down half a cosine to `min_lr` (Loshchilov and Hutter 2016).

    https://arxiv.org/abs/1608.03983. Without warm-up, torch's CosineAnnealingLR with T_max = total.
    """
    if step < warmup:
        return lr * (step + 1) / warmup
    done = min((step - warmup) / max(total - warmup, 1), 1.0)
    return min_lr + (lr - min_lr) * (1 + math.cos(math.pi * done)) / 2


def one_cycle(
    step: int,
    total: int,
    *,
    max_lr: float,
    pct_start: float = 0.3,
    div_factor: float = 25.0,
    final_div_factor: float = 1e4,
) -> float:
    """From max_lr / div_factor up to max_lr and down to almost nothing, on two half cosines (Smith and Topin 2017).

    https://arxiv.org/abs/1708.07120. torch's OneCycleLR with its default annealing, step for step.
    """
    if not 0 <= step < total:
        raise ValueError(f"one_cycle has steps 0 to {total - 1}, got {step}")
    low = max_lr / div_factor
    final = low / final_div_factor
    peak = pct_start * total - 1
    if step <= peak:
        start, end, done = low, max_lr, step / peak
    else:
        start, end, done = max_lr, final, (step - peak) / (total - 1 - peak)
    return end + (start - end) * (1 + math.cos(math.pi * done)) / 2
