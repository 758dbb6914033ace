"""The checks that follow from a description of a module or an optimizer: each refuses its violators."""

import numpy as np
import pytest
import torch
from torch import nn

from upslope.checks.blocks.module_info import ModuleInfo
from upslope.checks.expect import Mismatch
from upslope.checks.scratch.optim.any_optimizer import OptimizerInfo
from upslope.scratch import optim


class Affine(nn.Module):
    """x * weight + bias, with places for what violators do otherwise."""

    def __init__(self, size):
        super().__init__()
        if size < 1:
            raise ValueError(f"size={size} is too small")
        self.weight, self.bias = nn.Parameter(torch.ones(size)), nn.Parameter(torch.zeros(size))

    def forward(self, x):
        return x * self.weight + self.bias


def made(forward=None, **parameters):
    """A violator: an Affine with another forward, or with other parameters."""

    class Violator(Affine):
        def __init__(self, size):
            super().__init__(size)
            for name, value in parameters.items():
                setattr(self, name, value)

    if forward is not None:
        Violator.forward = forward
    return Violator


def drawn(rng):
    return [({"size": n}, {"x": rng.normal(size=(2, n))}) for n in (3, 2)]


def described(kind):
    return ModuleInfo(kind, samples=drawn, truth=lambda x, weights, **_: x * weights["weight"] + weights["bias"])


KINDS = {
    "parameters": lambda kind: described(kind).parameters("title", ({"size": 2}, {"weight": [2], "bias": [2]})),
    "shape": lambda kind: described(kind).shape("title"),
    "by_hand": lambda kind: described(kind).by_hand("title", ({"size": 1}, {"weight": [3.0]}, [[2.0]], [[6.0]])),
    "random": lambda kind: described(kind).random("title"),
    "gradient": lambda kind: described(kind).gradient("title", drawn),
    "learns": lambda kind: described(kind).learns("title", drawn),
    "laws": lambda kind: described(kind).laws("title"),
    "refuses": lambda kind: described(kind).refuses("title", ({"size": 0}, (), ["size=0"])),
}
VIOLATORS = [
    ("parameters", made(extra=nn.Parameter(torch.zeros(1)))),
    ("shape", made(lambda self, x: (x * self.weight + self.bias)[None])),
    ("shape", made(lambda self, x: (x * self.weight + self.bias).double())),
    ("by_hand", made(lambda self, x: x)),
    ("random", made(lambda self, x: x * self.weight - self.bias)),
    ("gradient", made(lambda self, x: x * self.weight.detach() + self.bias)),
    ("learns", made(lambda self, x: x * self.weight + self.bias.detach())),
    ("laws", made(lambda self, x: (x if x.requires_grad else x.mul_(2)) * self.weight)),
    ("refuses", nn.Identity),
]


@pytest.mark.parametrize("kind", KINDS)
def test_a_right_module_passes(kind):
    KINDS[kind](Affine)(np.random.default_rng(0))


@pytest.mark.parametrize(("kind", "violator"), VIOLATORS)
def test_a_violator_is_refused(kind, violator):
    with pytest.raises(Mismatch):
        KINDS[kind](violator)(np.random.default_rng(0))


def descent(start, gradients, *, lr):
    return list(
        start - np.cumsum(np.broadcast_to(lr, len(gradients))[:, None] * np.reshape(gradients, (-1, 3)), axis=0)
    )


class Fixed(optim.Optimizer):
    """Descent with the lr that it was made with."""

    def __init__(self, params, *, lr):
        super().__init__(params, lr=lr)
        self.first = lr

    def step(self):
        for p in self.params:
            p.data -= self.first * p.grad


def test_a_changed_learning_rate_counts():
    settings = {"lr": 0.1}
    OptimizerInfo(optim.SGD, truth=descent).long("title", settings)(np.random.default_rng(0))
    with pytest.raises(Mismatch, match=r"from step 151 on: after step 151"):
        OptimizerInfo(Fixed, truth=descent).long("title", settings)(np.random.default_rng(0))


def test_a_parameter_without_a_gradient():
    OptimizerInfo(optim.SGD, truth=descent).leaves_alone("title", {"lr": 0.1})(np.random.default_rng(0))
    with pytest.raises(TypeError):
        OptimizerInfo(Fixed, truth=descent).leaves_alone("title", {"lr": 0.1})(np.random.default_rng(0))
