"""What the optimizer Adam must do."""

import math
from functools import partial
from typing import Any

import numpy as np

from upslope.checks import grades, survives, wrong
from upslope.checks.expect import close
from upslope.checks.scratch.optim.any_optimizer import follow, goes_on, leaves_alone, one_number, walk, weights
from upslope.scratch import optim


def adam_by_sums(start, gradients, *, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
    """Adam in float64 with both means written out as weighted means of all gradients so far."""
    p, seen, path = np.array(start, dtype=np.float64), [], []
    for g in gradients:
        seen.append(np.asarray(g, dtype=np.float64) + weight_decay * p)
        mean, square = (
            sum(beta ** (len(seen) - i) * v for i, v in enumerate(values, 1))
            / sum(beta ** (len(seen) - i) for i in range(1, len(seen) + 1))
            for beta, values in ((betas[0], seen), (betas[1], [v**2 for v in seen]))
        )
        p = p - lr * mean / (np.sqrt(square) + eps)
        path.append(p)
    return path


@grades(optim.Adam)
def test_adam_first_step(rng):
    """the first step is lr long, whatever the gradient"""
    for g in (0.5, -300.0, 0.001):
        path = one_number(lambda p: optim.Adam(p, lr=0.1), 1.0, [g])
        close(path, [1 - math.copysign(0.1, g)], case=f"Adam(lr=0.1): p = 1, gradient {g:g}", rtol=1e-4)


@grades(optim.Adam)
def test_adam_by_hand(rng):
    """gradients 0.5, then -0.1: the second step is 0.511 lr long"""
    # m = 0.9 * 0.05 - 0.1 * 0.1 over 1 - 0.9^2, v = 0.999 * 0.00025 + 0.001 * 0.01 over 1 - 0.999^2.
    second = (0.035 / 0.19) / math.sqrt(0.00025975 / 0.001999)
    path = one_number(lambda p: optim.Adam(p, lr=0.1), 1.0, [0.5, -0.1])
    close(path, [0.9, 0.9 - 0.1 * second], case="Adam(lr=0.1): p = 1, gradients 0.5, -0.1")


@grades(optim.Adam)
def test_adam_random(rng):
    """random gradients: both means written out as weighted means"""
    choices: tuple[dict[str, Any], ...] = ({"lr": 0.1}, {"lr": 0.1, "betas": (0.5, 0.8)})
    for settings in choices:
        words = "Adam(" + ", ".join(f"{k}={v}" for k, v in settings.items()) + ")"
        follow(partial(optim.Adam, **settings), partial(adam_by_sums, **settings), rng, words)


@grades(optim.Adam)
def test_adam_eps(rng):
    """eps is added to the root, not under it"""
    path = one_number(lambda p: optim.Adam(p, lr=0.1, eps=0.3), 1.0, [0.5])
    close(path, [1 - 0.1 * 0.5 / (0.5 + 0.3)], case="Adam(lr=0.1, eps=0.3): p = 1, gradient 0.5")
    close(one_number(lambda p: optim.Adam(p, lr=0.1), 1.0, [0.0]), [1.0], case="Adam(lr=0.1): p = 1, gradient 0")


@grades(optim.Adam)
def test_adam_weight_decay(rng):
    """weight decay is part of the gradient, in both means"""
    make = partial(optim.Adam, lr=0.1, weight_decay=0.3)
    follow(make, partial(adam_by_sums, lr=0.1, weight_decay=0.3), rng, "Adam(lr=0.1, weight_decay=0.3)")


@grades(optim.Adam)
def test_adam_leaves_alone(rng):
    """dtypes, gradients and parameters without a gradient stay as they are"""
    words = "Adam(lr=0.1, weight_decay=0.5)"
    leaves_alone(lambda params: optim.Adam(params, lr=0.1, weight_decay=0.5), rng, words)


@grades(optim.Adam)
def test_adam_own_steps(rng):
    """each parameter counts its own steps"""
    params = weights([1.0], [1.0])
    path = walk(optim.Adam(params, lr=0.1), params, [[[2.0], None], [[2.0], None], [[2.0], [-3.0]]])
    case = "Adam(lr=0.1) with two parameters, both 1: gradients 2, 2, 2 and none, none, -3"
    close([[v[0] for v in row] for row in path], [[0.9, 1.0], [0.8, 1.0], [0.7, 1.1]], case=case)


@grades(optim.Adam)
def test_adam_goes_on(rng):
    """a saved and loaded state goes on in the same way"""
    goes_on(lambda params: optim.Adam(params, lr=0.1), rng, "Adam(lr=0.1)")


@grades(optim.Adam)
def test_default_rate(rng):
    """without lr the first step is 0.001 long"""
    close(one_number(optim.Adam, 1.0, [2.0]), [0.999], case="Adam([p]): p = 1 after a gradient of 2")


wrong(
    optim.Adam,
    {
        "both bias corrections are missing, so the first steps are too long": (
            """mean = state["m"] / (1 - beta1 ** state["t"])
            square = state["v"] / (1 - beta2 ** state["t"])""",
            """mean = state["m"]
            square = state["v"]""",
        ),
        "the mean of the squares is not corrected for its start at 0": (
            'square = state["v"] / (1 - beta2 ** state["t"])',
            'square = state["v"]',
        ),
        "the mean of the gradients is not corrected for its start at 0": (
            'mean = state["m"] / (1 - beta1 ** state["t"])',
            'mean = state["m"]',
        ),
        "eps stands under the root": ("(np.sqrt(square) + self.eps)", "np.sqrt(square + self.eps)"),
        "the root is missing: the step is divided by the mean square": (
            "(np.sqrt(square) + self.eps)",
            "(square + self.eps)",
        ),
        "the two betas are exchanged": ("beta1, beta2 = self.betas", "beta2, beta1 = self.betas"),
        "the second mean is of the gradient's size, not of its square": ("(g * g - state", "(np.abs(g) - state"),
        "the step counter stays at 1, so every step is corrected like the first": ('state["t"] += 1', 'state["t"] = 1'),
        "weight decay shrinks the weights directly, past the means: this is AdamW": (
            """g = p.grad + self.weight_decay * p.data if self.weight_decay else p.grad
""",
            """g = p.grad
            p.data *= 1 - self.lr * self.weight_decay
""",
        ),
        "all parameters count their steps together": (
            'state["t"] += 1',
            'state["t"] = self.__dict__["steps"] = self.__dict__.get("steps", 0) + 1',
        ),
        "all parameters share their means": (
            "zip(self.params, self.state, strict=True)",
            "zip(self.params, [self.state[0]] * len(self.params), strict=True)",
        ),
        "m and v are always float64, and so become the parameters": (
            "m=np.zeros_like(p.data), v=np.zeros_like(p.data))",
            "m=np.zeros(p.shape), v=np.zeros(p.shape)); p.data = p.data.astype(float)",
        ),
    },
)
survives(
    optim.Adam,
    {
        "adding 0 times the weight changes nothing": [("if self.weight_decay else", "if True else")],
    },
)
