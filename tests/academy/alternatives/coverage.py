"""With every difference written out, and the distances sorted."""

import numpy as np
from torch import Tensor


def coverage(real: Tensor, generated: Tensor, *, neighbors: int = 5) -> float:
    r, g = (x.detach().numpy().astype(np.float64) for x in (real, generated))
    if neighbors >= len(r):
        raise ValueError(f"{len(r)} real images are too few for {neighbors} neighbors")
    covered = []
    for image in r:
        to_real = np.sort(np.sqrt(((r - image) ** 2).sum(axis=1)))
        to_generated = np.sqrt(((g - image) ** 2).sum(axis=1))
        covered.append(bool((to_generated <= to_real[neighbors]).any()))
    return float(np.mean(covered))
