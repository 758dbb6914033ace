"""The step first, from each end's distance to 0; then how many of them lie below 0."""

import numpy as np


def affine_from_range(low, high):
    ends = np.array([low, high], dtype=np.float64)
    if not np.isfinite(ends).all() or ends[0] > ends[1]:
        raise ValueError(f"low={low:g} and high={high:g} are no range")
    below, above = np.clip(-ends[0], 0, None), np.clip(ends[1], 0, None)
    scale = float((below + above) / 255)
    if scale < np.finfo(np.float32).tiny:
        return 1.0, 0
    return scale, int(np.rint(below / scale))
