"""What the optimizer SGD must do."""

import numpy as np

from upslope.checks import grades, survives, wrong
from upslope.checks.expect import close
from upslope.checks.scratch.optim.any_optimizer import OptimizerInfo, weights
from upslope.scratch import optim


def sgd_by_sums(start, gradients, *, lr, momentum=0.0, weight_decay=0.0, nesterov=False):
    """SGD in float64 with every velocity written out as the sum over all gradients so far."""
    p, seen, path = np.array(start, dtype=np.float64), np.zeros((len(gradients), *np.shape(start))), []
    for t, (rate, g) in enumerate(zip(np.broadcast_to(lr, len(gradients)), gradients, strict=True)):
        seen[t] = np.asarray(g, dtype=np.float64) + weight_decay * p
        velocity = np.tensordot(momentum ** np.arange(t, -1.0, -1.0), seen[: t + 1], axes=1)
        p = p - rate * (seen[t] + momentum * velocity if nesterov else velocity)
        path.append(p)
    return path


SGD = OptimizerInfo(optim.SGD, truth=sgd_by_sums)
HEAVY = {"lr": 0.1, "momentum": 0.9}
ALL = {"lr": 0.5, "momentum": 0.7, "nesterov": True, "weight_decay": 0.2}

test_sgd_by_hand = SGD.by_hand(
    "lr=0.1 takes p = 1 with gradient 2 to 0.8, then to 0.6", ({"lr": 0.1}, 1.0, [2.0, 2.0], [0.8, 0.6])
)
test_sgd_momentum_by_hand = SGD.by_hand(
    "with momentum=0.9 it goes to 0.8, then to 0.42",
    (HEAVY, 1.0, [2.0, -4.0], [0.8, 1.02]),
    (HEAVY, 1.0, [2.0, 2.0], [0.8, 0.42]),
)
test_sgd_nesterov_by_hand = SGD.by_hand(
    "with nesterov too it goes to 0.62, then to 0.078", ({**HEAVY, "nesterov": True}, 1.0, [2.0, 2.0], [0.62, 0.078])
)
test_sgd_weight_decay_by_hand = SGD.by_hand(
    "weight_decay=0.5 adds half of p to its gradient", ({"lr": 0.1, "weight_decay": 0.5}, 2.0, [3.0, 0.0], [1.6, 1.52])
)
test_sgd_random = SGD.random(
    "random gradients: velocities written out as sums",
    {"lr": 0.5},
    {"lr": 0.5, "momentum": 0.7},
    {"lr": 0.5, "momentum": 0.7, "nesterov": True},
    ALL,
)
test_sgd_long = SGD.long("hundreds of steps; a new lr counts from the next step on", {**ALL, "lr": 0.1})
test_sgd_leaves_alone = SGD.leaves_alone(
    "dtypes, gradients and parameters without a gradient stay as they are", {**HEAVY, "weight_decay": 0.5}
)


@grades(optim.SGD)
def test_sgd_velocity_is_its_own(rng):
    """the gradient's array may be used again for the next gradient"""
    params = weights([1.0])
    optimizer = optim.SGD(params, lr=0.1, momentum=0.5)
    gradient = np.array([2.0])
    params[0].grad = gradient
    optimizer.step()
    gradient[0] = 4.0
    optimizer.step()
    case = "SGD(lr=0.1, momentum=0.5): p = 1, gradient 2; then 4 written into the same p.grad"
    close(params[0], [1 - 0.1 * 2 - 0.1 * (0.5 * 2 + 4)], case=case)


test_sgd_goes_on = SGD.goes_on("a saved and loaded state goes on in the same way", {"lr": 0.5, "momentum": 0.7})
test_sgd_refuses = SGD.refuses(
    "nesterov without momentum and a negative lr raise a ValueError", {"lr": 0.1, "nesterov": True}, {"lr": -0.1}
)


wrong(
    optim.SGD,
    {
        "the step goes uphill, along the gradient": ("p.data -= self.lr * g", "p.data += self.lr * g"),
        "the velocity starts from 0 with g times 1 - momentum, where the first one is g": (
            'self.momentum * state.get("velocity", 0) + g',
            'self.momentum * state["velocity"] + g if state else (1 - self.momentum) * g',
        ),
        "nesterov's step adds the whole velocity to the gradient, where momentum times it is meant": (
            'g = g + self.momentum * state["velocity"] if',
            'g = g + state["velocity"] if',
        ),
        "weight decay is added into p.grad itself": (
            "g = p.grad + self.weight_decay * p.data if self.weight_decay else p.grad",
            "g = p.grad\n            g += self.weight_decay * p.data",
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
