"""Optimizers: how gradients become better weights. They do what torch.optim's do, step for step."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from upslope.scratch.tape import Array
from upslope.scratch.tensor import Tensor


class Optimizer:
    """Holds the parameters and what is remembered about each; a subclass writes `step`.

    `self.params` is a list of tensors and `self.state` one dict per parameter, empty at first: `step` keeps there,
    under names of its choice, arrays and numbers that the next step needs. `self.lr` may be changed between steps.
    """

    def __init__(self, params: Iterable[Tensor], *, lr: float) -> None:
        if isinstance(params, Tensor):
            raise TypeError(
                f"an optimizer needs a list of parameters, got one tensor of shape {params.shape}; write [p]"
            )
        self.params = list(params)
        if not self.params:
            raise ValueError("an optimizer needs parameters, got none (an iterator that was used up?)")
        places: dict[int, int] = {}
        for i, p in enumerate(self.params):
            if not isinstance(p, Tensor):
                raise TypeError(f"an optimizer changes tensors, got {type(p).__name__} as parameter {i}")
            if not p.is_leaf:
                raise ValueError(
                    f"parameter {i} of shape {p.shape} is the result of an operation; give what it was made of"
                )
            if places.setdefault(id(p), i) != i:
                raise ValueError(
                    f"parameter {i} of shape {p.shape} is parameter {places[id(p)]} once more, which would be changed "
                    "twice in every step; give each once (module.parameters() does)"
                )
        if lr < 0:
            raise ValueError(f"the learning rate must not be negative, got lr={lr}")
        self.lr = lr
        self.state: list[dict[str, Any]] = [{} for _ in self.params]

    def zero_grad(self) -> None:
        """Forget the gradients of the last step; backward adds to what it finds."""
        for p in self.params:
            p.grad = None

    def step(self) -> None:
        """Change every parameter that has a gradient."""
        raise NotImplementedError(f"{type(self).__name__} has no step")

    def state_dict(self) -> dict[str, Array | float | int]:
        """What a run needs to go on: `lr`, and as "3.name" what is remembered about parameter 3. Arrays are copies."""
        remembered = {
            f"{i}.{name}": np.array(value) if isinstance(value, np.ndarray | np.generic) else value
            for i, state in enumerate(self.state)
            for name, value in state.items()
        }
        return {"lr": self.lr, **remembered}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        self.lr = float(state["lr"])
        self.state = [{} for _ in self.params]
        for key, value in state.items():
            if key == "lr":
                continue
            i, name = key.split(".", 1)
            if int(i) >= len(self.params):
                raise KeyError(f"the state holds {key}, but this optimizer has {len(self.params)} parameters")
            self.state[int(i)][name] = value.copy() if isinstance(value, np.ndarray) else value


class SGD(Optimizer):
    """Stochastic gradient descent: every weight goes a step against its gradient (Robbins and Monro 1951).

    For each parameter p with a gradient (others stay as they are), with g = p.grad + weight_decay * p:
        without momentum      p -= lr * g
        with momentum         v = momentum * v + g   (v = g in the first step),   p -= lr * v      (Polyak 1964)
        with nesterov too     v as above,                                         p -= lr * (g + momentum * v)
    p keeps its dtype, p.grad its numbers. A negative lr and nesterov without momentum raise a ValueError.
    With lr=0.1 and momentum=0.9, p = 1 with the gradient 2 in both steps becomes 0.8, then 0.42.
    """

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
        if nesterov and momentum <= 0:
            raise ValueError(f"nesterov looks ahead along the momentum, which is {momentum}")
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.nesterov = nesterov

    def step(self) -> None:
        for p, state in zip(self.params, self.state, strict=True):
            if p.grad is None:
                continue
            # Weight decay pulls every weight towards 0; it is the gradient of weight_decay / 2 * p^2.
            g = p.grad + self.weight_decay * p.data if self.weight_decay else p.grad
            if self.momentum:
                # The velocity remembers earlier gradients, with every step by the factor `momentum` less.
                state["velocity"] = self.momentum * state.get("velocity", 0) + g
                # Nesterov takes the gradient as if the velocity had already been followed once more.
                g = g + self.momentum * state["velocity"] if self.nesterov else state["velocity"]
            # One step downhill.
            p.data -= self.lr * g


class Adam(Optimizer):
    """Every weight gets a step of its own size: the mean gradient over its typical size (Kingma and Ba 2014).

    https://arxiv.org/abs/1412.6980, algorithm 1. For each parameter p with a gradient (others stay as they are), with
    g = p.grad + weight_decay * p, in its step number t = 1, 2, ...:
        m = beta1 * m + (1 - beta1) * g            (0 before the first step)
        v = beta2 * v + (1 - beta2) * g^2          (0 before the first step)
        p -= lr * (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps)
    p keeps its dtype, p.grad its numbers.
    The first step is lr long whatever the gradient's size: with lr=0.1, p = 1 and a gradient of 7, p becomes 0.9.
    """

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
        self.betas = betas
        self.eps = eps
        self.weight_decay = weight_decay

    def step(self) -> None:
        beta1, beta2 = self.betas
        for p, state in zip(self.params, self.state, strict=True):
            if p.grad is None:
                continue
            # Weight decay pulls every weight towards 0.
            g = p.grad + self.weight_decay * p.data if self.weight_decay else p.grad
            # Running means of the gradient and of its square, which start at 0.
            if not state:
                state.update(t=0, m=np.zeros_like(p.data), v=np.zeros_like(p.data))
            state["t"] += 1
            state["m"] += (1 - beta1) * (g - state["m"])
            state["v"] += (1 - beta2) * (g * g - state["v"])
            # Because they started at 0 they are too small at first: divide by the weight that they have seen.
            mean = state["m"] / (1 - beta1 ** state["t"])
            square = state["v"] / (1 - beta2 ** state["t"])
            # The step: the mean gradient, measured in its own typical size.
            p.data -= self.lr * mean / (np.sqrt(square) + self.eps)


class AdamW(Adam):
    """Adam whose weight decay shrinks the weights directly, past the adaptive step (Loshchilov and Hutter 2017).

    https://arxiv.org/abs/1711.05101: p -= lr * weight_decay * p, then Adam's step on the gradient alone.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        *,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
    ) -> None:
        super().__init__(params, lr=lr, betas=betas, eps=eps)
        self.decoupled_decay = weight_decay

    def step(self) -> None:
        for p in self.params:
            if p.grad is not None:
                p.data *= 1 - self.lr * self.decoupled_decay
        super().step()


def clip_grad_norm(params: Iterable[Tensor], max_norm: float) -> float:
    """Shrink all gradients together so that their joint length is at most `max_norm`; gives the length before."""
    gradients = [p.grad for p in params if p.grad is not None]
    total = math.sqrt(sum(float(np.square(g, dtype=np.float64).sum()) for g in gradients))
    if total > max_norm:
        for g in gradients:
            g *= max_norm / (total + 1e-6)
    return total
