"""What the optimizer SGD must do."""

from functools import partial
from typing import Any

import numpy as np

from upslope.checks import grades, survives, wrong
from upslope.checks.expect import close, raises
from upslope.checks.scratch.optim.any_optimizer import follow, goes_on, leaves_alone, one_number, weights
from upslope.scratch import optim


def sgd_by_sums(start, gradients, *, lr, momentum=0.0, weight_decay=0.0, nesterov=False):
    """SGD in float64 with every velocity written out as the sum over all gradients so far."""
    p, seen, path = np.array(start, dtype=np.float64), [], []
    for g in gradients:
        seen.append(np.asarray(g, dtype=np.float64) + weight_decay * p)
        t = len(seen)
        velocity = sum(momentum ** (t - 1 - i) * seen[i] for i in range(t))
        p = p - lr * (seen[-1] + momentum * velocity if nesterov else velocity)
        path.append(p)
    return path


@grades(optim.SGD)
def test_sgd_by_hand(rng):
    """lr=0.1 takes p = 1 with gradient 2 to 0.8, then to 0.6"""
    close(
        one_number(lambda p: optim.SGD(p, lr=0.1), 1.0, [2.0, 2.0]),
        [0.8, 0.6],
        case="SGD(lr=0.1): p = 1, gradients 2, 2",
    )


@grades(optim.SGD)
def test_sgd_momentum_by_hand(rng):
    """with momentum=0.9 it goes to 0.8, then to 0.42"""
    for gradients, expected in (([2.0, -4.0], [0.8, 1.02]), ([2.0, 2.0], [0.8, 0.42])):
        path = one_number(lambda p: optim.SGD(p, lr=0.1, momentum=0.9), 1.0, gradients)
        close(path, expected, case=f"SGD(lr=0.1, momentum=0.9): p = 1, gradients {gradients[0]:g}, {gradients[1]:g}")


@grades(optim.SGD)
def test_sgd_nesterov_by_hand(rng):
    """with nesterov too it goes to 0.62, then to 0.078"""
    path = one_number(lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True), 1.0, [2.0, 2.0])
    close(path, [0.62, 0.078], case="SGD(lr=0.1, momentum=0.9, nesterov=True): p = 1, gradients 2, 2")


@grades(optim.SGD)
def test_sgd_weight_decay_by_hand(rng):
    """weight_decay=0.5 adds half of p to its gradient"""
    path = one_number(lambda p: optim.SGD(p, lr=0.1, weight_decay=0.5), 2.0, [3.0, 0.0])
    close(path, [1.6, 1.52], case="SGD(lr=0.1, weight_decay=0.5): p = 2, gradients 3, 0")


@grades(optim.SGD)
def test_sgd_random(rng):
    """random gradients: velocities written out as sums"""
    choices: tuple[dict[str, Any], ...] = (
        {"lr": 0.5},
        {"lr": 0.5, "momentum": 0.7},
        {"lr": 0.5, "momentum": 0.7, "nesterov": True},
        {"lr": 0.5, "momentum": 0.7, "nesterov": True, "weight_decay": 0.2},
    )
    for settings in choices:
        words = "SGD(" + ", ".join(f"{k}={v}" for k, v in settings.items()) + ")"
        follow(partial(optim.SGD, **settings), partial(sgd_by_sums, **settings), rng, words)


@grades(optim.SGD)
def test_sgd_leaves_alone(rng):
    """dtypes, gradients and parameters without a gradient stay as they are"""
    words = "SGD(lr=0.1, momentum=0.9, weight_decay=0.5)"
    leaves_alone(lambda params: optim.SGD(params, lr=0.1, momentum=0.9, weight_decay=0.5), rng, words)


@grades(optim.SGD)
def test_sgd_velocity_is_its_own(rng):
    """lr may change between steps, and the gradient's array may be used again"""
    params = weights([1.0])
    optimizer = optim.SGD(params, lr=0.1, momentum=0.5)
    gradient = np.array([2.0])
    params[0].grad = gradient
    optimizer.step()
    gradient[0] = 4.0
    optimizer.lr = 0.01
    optimizer.step()
    case = "SGD(lr=0.1, momentum=0.5): p = 1, gradient 2; then lr=0.01 and 4 written into the same p.grad"
    close(params[0], [1 - 0.1 * 2 - 0.01 * (0.5 * 2 + 4)], case=case)


@grades(optim.SGD)
def test_sgd_goes_on(rng):
    """a saved and loaded state goes on in the same way"""
    goes_on(lambda params: optim.SGD(params, lr=0.5, momentum=0.7), rng, "SGD(lr=0.5, momentum=0.7)")


@grades(optim.SGD)
def test_sgd_refuses(rng):
    """nesterov without momentum and a negative lr raise a ValueError"""
    raises(ValueError, lambda: optim.SGD(weights([1.0]), lr=0.1, nesterov=True), case="SGD(lr=0.1, nesterov=True)")
    raises(ValueError, lambda: optim.SGD(weights([1.0]), lr=-0.1), case="SGD(lr=-0.1)")


wrong(
    optim.SGD,
    {
        "the step goes uphill, along the gradient": ("p.data -= self.lr * g", "p.data += self.lr * g"),
        "the new gradient enters the velocity times 1 - momentum, as in a mean": (
            'self.momentum * state.get("velocity", 0) + g',
            'self.momentum * state.get("velocity", g) + (1 - self.momentum) * g',
        ),
        "the velocity forgets: it is the newest gradient alone": (
            'self.momentum * state.get("velocity", 0) + g',
            "g.copy()",
        ),
        "the velocity starts from 0 with g times 1 - momentum, where the first one is g": (
            'self.momentum * state.get("velocity", 0) + g',
            'self.momentum * state["velocity"] + g if state else (1 - self.momentum) * g',
        ),
        "nesterov is not looked at": (
            'g = g + self.momentum * state["velocity"] if self.nesterov else state["velocity"]',
            'g = state["velocity"]',
        ),
        "nesterov's step adds the whole velocity to the gradient, where momentum times it is meant": (
            'g = g + self.momentum * state["velocity"] if',
            'g = g + state["velocity"] if',
        ),
        "weight decay pushes the weights away from 0": (
            "p.grad + self.weight_decay * p.data",
            "p.grad - self.weight_decay * p.data",
        ),
        "weight decay is added into p.grad itself": (
            "g = p.grad + self.weight_decay * p.data if self.weight_decay else p.grad",
            "g = p.grad\n            g += self.weight_decay * p.data",
        ),
        "all parameters share one velocity": (
            "zip(self.params, self.state, strict=True)",
            "zip(self.params, [self.state[0]] * len(self.params), strict=True)",
        ),
        "the velocity is p.grad itself, not a copy of it": (
            'self.momentum * state.get("velocity", 0) + g',
            'self.momentum * state["velocity"] + g if state else g',
        ),
        "lr is multiplied into the velocity, so a new lr comes too late": (
            """self.momentum * state.get("velocity", 0) + g
                # Nesterov takes the gradient as if the velocity had already been followed once more.
                g = g + self.momentum * state["velocity"] if self.nesterov else state["velocity"]
            # One step downhill.
            p.data -= self.lr * g""",
            """self.momentum * state.get("velocity", 0) + self.lr * g
                g = self.lr * g + self.momentum * state["velocity"] if self.nesterov else state["velocity"]
            else:
                g = self.lr * g
            p.data -= g""",
        ),
        "velocities are kept outside self.state, so a saved state loses them": (
            "        for p, state in zip(self.params, self.state, strict=True):",
            (
                '        self.kept = getattr(self, "kept", [{} for _ in self.params])\n'
                "        for p, state in zip(self.params, self.kept, strict=True):"
            ),
        ),
        "nesterov without momentum is accepted": ("if nesterov and momentum <= 0:", "if False:"),
    },
)
survives(
    optim.SGD,
    {
        "adding 0 times the weight changes nothing": [("if self.weight_decay else", "if True else")],
        "a velocity that is forgotten at once is the gradient": [("if self.momentum:", "if True:")],
    },
)
