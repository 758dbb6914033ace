"""With the square of a cosine of half the angle, and one case after the other."""

from math import cos, pi


def warmup_cosine(step: int, *, total: int, warmup: int, final: float = 0.0) -> float:
    if warmup < 0 or warmup >= total:
        raise ValueError(f"warmup={warmup} must be smaller than total={total}")
    last = total - 1
    if step <= warmup:
        return min(1, (1 + step) / (1 + warmup))
    if step >= last:
        return final
    share = cos(pi / 2 * (step - warmup) / (last - warmup)) ** 2
    return share + final * (1 - share)
