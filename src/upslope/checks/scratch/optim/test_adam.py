"""What the optimizer Adam must do."""

import math

import numpy as np

from upslope.checks import grades, survives, wrong
from upslope.checks.expect import close
from upslope.checks.scratch.optim.any_optimizer import OptimizerInfo, walk, weights
from upslope.scratch import optim


def adam_by_sums(start, gradients, *, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
    """Adam in float64 with both means written out as weighted means of all gradients so far."""
    p, seen, path = np.array(start, dtype=np.float64), np.zeros((len(gradients), *np.shape(start))), []
    for t, (rate, g) in enumerate(zip(np.broadcast_to(lr, len(gradients)), gradients, strict=True)):
        seen[t] = np.asarray(g, dtype=np.float64) + weight_decay * p
        shares = [beta ** np.arange(t, -1.0, -1.0) for beta in betas]
        mean, square = (
            np.tensordot(share, seen[: t + 1] ** power, axes=1) / share.sum()
            for power, share in enumerate(shares, start=1)
        )
        p = p - rate * mean / (np.sqrt(square) + eps)
        path.append(p)
    return path


ADAM = OptimizerInfo(optim.Adam, truth=adam_by_sums)
TENTH = {"lr": 0.1}
# m = 0.9 * 0.05 - 0.1 * 0.1 over 1 - 0.9^2, v = 0.999 * 0.00025 + 0.001 * 0.01 over 1 - 0.999^2.
SECOND = (0.035 / 0.19) / math.sqrt(0.00025975 / 0.001999)

test_adam_first_step = ADAM.by_hand(
    "the first step is lr long, whatever the gradient; without lr it is 0.001 long",
    *((TENTH, 1.0, [g], [1 - math.copysign(0.1, g)]) for g in (0.5, -300.0, 0.01)),
    ({}, 1.0, [2.0], [0.999]),
)
test_adam_by_hand = ADAM.by_hand(
    "gradients 0.5, then -0.1: the second step is 0.511 lr long", (TENTH, 1.0, [0.5, -0.1], [0.9, 0.9 - 0.1 * SECOND])
)
test_adam_random = ADAM.random(
    "random gradients: both means written out as weighted means", TENTH, {"lr": 0.1, "betas": (0.5, 0.8)}
)
test_adam_long = ADAM.long("hundreds of steps; a new lr counts from the next step on", {"lr": 0.1, "weight_decay": 0.1})
test_adam_eps = ADAM.by_hand(
    "eps is added to the root, not under it",
    ({"lr": 0.1, "eps": 0.3}, 1.0, [0.5], [1 - 0.1 * 0.5 / (0.5 + 0.3)]),
    (TENTH, 1.0, [0.0], [1]),
)
test_adam_weight_decay = ADAM.random(
    "weight decay is part of the gradient, in both means", {"lr": 0.1, "weight_decay": 0.3}
)
test_adam_leaves_alone = ADAM.leaves_alone(
    "dtypes, gradients and parameters without a gradient stay as they are", {"lr": 0.1, "weight_decay": 0.5}
)


@grades(optim.Adam)
def test_adam_own_steps(rng):
    """each parameter counts its own steps"""
    params = weights([1.0], [1.0])
    path = walk(optim.Adam(params, lr=0.1), params, [[[2.0], None], [[2.0], None], [[2.0], [-3.0]]])
    case = "Adam(lr=0.1) with two parameters, both 1: gradients 2, 2, 2 and none, none, -3"
    close([[v[0] for v in row] for row in path], [[0.9, 1.0], [0.8, 1.0], [0.7, 1.1]], case=case)


test_adam_goes_on = ADAM.goes_on("a saved and loaded state goes on in the same way", TENTH)


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
        "eps stands under the root": ("(np.sqrt(square) + self.eps)", "np.sqrt(square + self.eps)"),
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
