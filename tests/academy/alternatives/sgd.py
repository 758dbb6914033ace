"""With the velocity's step kept negative, and the parameter's array replaced, not changed."""

from collections.abc import Iterable

import numpy as np

from upslope.scratch.optim import Optimizer
from upslope.scratch.tensor import Tensor


class SGD(Optimizer):
    def __init__(
        self,
        params: Iterable[Tensor],
        *,
        lr: float,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        super().__init__(params, lr=lr)
        if nesterov and not momentum:
            raise ValueError("nesterov needs momentum")
        self.mu, self.decay, self.look_ahead = momentum, weight_decay, nesterov

    def step(self) -> None:
        for k, p in enumerate(self.params):
            if p.grad is not None:
                downhill = -p.grad - self.decay * p.data
                fall = self.state[k].get("fall", np.zeros_like(p.data)) * self.mu + downhill
                self.state[k]["fall"] = fall
                p.data = p.data + self.lr * (downhill + self.mu * fall if self.look_ahead else fall)
