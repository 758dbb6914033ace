"""The second form of the paper's section 2: both corrections folded into the step size."""

from collections.abc import Iterable

import numpy as np

from upslope.scratch.optim import Optimizer
from upslope.scratch.tensor import Tensor


class Adam(Optimizer):
    def __init__(
        self,
        params: Iterable[Tensor],
        *,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr=lr)
        self.b1, self.b2 = betas
        self.eps, self.decay = eps, weight_decay

    def step(self) -> None:
        for p, kept in zip(self.params, self.state, strict=True):
            if p.grad is None:
                continue
            g = p.grad + p.data * self.decay
            kept["steps"] = kept.get("steps", 0) + 1
            kept["first"] = kept.get("first", 0) * self.b1 + g * (1 - self.b1)
            kept["second"] = kept.get("second", 0) * self.b2 + g**2 * (1 - self.b2)
            root = (1 - self.b2 ** kept["steps"]) ** 0.5
            size = self.lr * root / (1 - self.b1 ** kept["steps"])
            p.data = p.data - size * kept["first"] / (np.sqrt(kept["second"]) + self.eps * root)
