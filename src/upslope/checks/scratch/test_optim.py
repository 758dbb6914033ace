"""What the optimisers SGD and Adam must do."""

import math
from functools import partial
from typing import Any

import numpy as np

from upslope.checks import grades, wrong
from upslope.checks.expect import close, raises, true
from upslope.checks.samples import some, spelled
from upslope.scratch import optim
from upslope.scratch.tensor import Tensor


def weights(*arrays, dtype=np.float64):
    """Parameters that hold copies of these numbers."""
    return [Tensor(np.array(a, dtype=dtype), requires_grad=True) for a in arrays]


def strong(rng, *shape):
    """Gradients of either sign, none near 0, where eps would count."""
    return np.round(rng.uniform(0.2, 2.0, shape) * rng.choice([-1.0, 1.0], shape), 2)


def walk(optimiser, params, gradients):
    """Steps with these gradients, one array (or None) for each parameter in each step; the numbers after every step."""
    path = []
    for row in gradients:
        for p, g in zip(params, row, strict=True):
            p.grad = None if g is None else np.array(g, dtype=p.data.dtype)
        optimiser.step()
        path.append([p.data.tolist() for p in params])
    return path


def one_number(make, start, gradients):
    """Where one number, alone in an array, goes under these gradients."""
    params = weights([start])
    return [after[0][0] for after in walk(make(params), params, [[[g]] for g in gradients])]


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


def follow(make, truth, rng, words, *, steps=4, rtol=1e-5):
    """Random gradients for parameters of three shapes, step by step beside the truth."""
    starts = [some(rng, *shape) for shape in ((1,), (3,), (2, 2))]
    gradients = [[strong(rng, *start.shape) for start in starts] for _ in range(steps)]
    params = weights(*starts)
    optimiser = make(params)
    for t, row in enumerate(gradients, 1):
        walk(optimiser, params, [row])
        for k, start in enumerate(starts):
            seen = [r[k] for r in gradients[:t]]
            case = f"{words}: {spelled(start)} after step {t} with gradients {', '.join(spelled(g) for g in seen)}"
            close(params[k], truth(start, seen)[-1], case=case, rtol=rtol)


def leaves_alone(make, rng, words):
    """The dtype of the parameters stays, and so do the numbers of their gradients and parameters without one."""
    for dtype in ("float32", "float64"):
        params = weights(some(rng, 2), some(rng, 2), dtype=dtype)
        optimiser = make(params)
        g = some(rng, 2).astype(dtype)
        still = params[1].data.tolist()
        for step in (1, 2):
            params[0].grad, params[1].grad = g.copy(), None
            optimiser.step()
            case = f"{words}, step {step}"
            true(
                str(params[0].data.dtype) == dtype,
                "the dtype of the parameter changed",
                case=case,
                got=params[0].data.dtype,
                expected=dtype,
            )
            close(params[0].grad, g, case=f"{case}: p.grad after the step")
            close(params[1], still, case=f"{case}: a parameter without a gradient")


def goes_on(make, rng, words):
    """An optimiser whose state was saved and loaded takes the same steps as one that went on."""
    start, gradients = some(rng, 3), [[some(rng, 3)] for _ in range(4)]
    params = weights(start)
    optimiser = make(params)
    walk(optimiser, params, gradients[:2])
    again = weights(params[0].data)
    other = make(again)
    other.load_state_dict(optimiser.state_dict())
    walk(optimiser, params, gradients[2:])
    walk(other, again, gradients[2:])
    case = f"{words}: two steps, state_dict() into a new optimiser, two more steps"
    close(again[0], params[0].data, case=case)


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
    optimiser = optim.SGD(params, lr=0.1, momentum=0.5)
    gradient = np.array([2.0])
    params[0].grad = gradient
    optimiser.step()
    gradient[0] = 4.0
    optimiser.lr = 0.01
    optimiser.step()
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


wrong(optim.SGD, "the step goes uphill, along the gradient", "p.data -= self.lr * g", "p.data += self.lr * g")
wrong(
    optim.SGD,
    "the new gradient enters the velocity times 1 - momentum, as in a mean",
    'self.momentum * state.get("velocity", 0) + g',
    'self.momentum * state.get("velocity", g) + (1 - self.momentum) * g',
)
wrong(
    optim.SGD,
    "the velocity forgets: it is the newest gradient alone",
    'self.momentum * state.get("velocity", 0) + g',
    "g.copy()",
)
wrong(
    optim.SGD,
    "the velocity starts from 0 with g times 1 - momentum, where the first one is g",
    'self.momentum * state.get("velocity", 0) + g',
    'self.momentum * state["velocity"] + g if state else (1 - self.momentum) * g',
)
wrong(
    optim.SGD,
    "nesterov is not looked at",
    'g = g + self.momentum * state["velocity"] if self.nesterov else state["velocity"]',
    'g = state["velocity"]',
)
wrong(
    optim.SGD,
    "nesterov's step adds the whole velocity to the gradient, where momentum times it is meant",
    'g = g + self.momentum * state["velocity"] if',
    'g = g + state["velocity"] if',
)
wrong(
    optim.SGD,
    "weight decay pushes the weights away from 0",
    "p.grad + self.weight_decay * p.data",
    "p.grad - self.weight_decay * p.data",
)
wrong(
    optim.SGD,
    "weight decay is added into p.grad itself",
    "g = p.grad + self.weight_decay * p.data if self.weight_decay else p.grad",
    "g = p.grad\n            g += self.weight_decay * p.data",
)
wrong(
    optim.SGD,
    "all parameters share one velocity",
    "zip(self.params, self.state, strict=True)",
    "zip(self.params, [self.state[0]] * len(self.params), strict=True)",
)
wrong(
    optim.SGD,
    "the velocity is p.grad itself, not a copy of it",
    'self.momentum * state.get("velocity", 0) + g',
    'self.momentum * state["velocity"] + g if state else g',
)
wrong(
    optim.SGD,
    "lr is multiplied into the velocity, so a new lr comes too late",
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
)


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


wrong(
    optim.Adam,
    "both bias corrections are missing, so the first steps are too long",
    """mean = state["m"] / (1 - beta1 ** state["t"])
            square = state["v"] / (1 - beta2 ** state["t"])""",
    """mean = state["m"]
            square = state["v"]""",
)
wrong(
    optim.Adam,
    "the mean of the squares is not corrected for its start at 0",
    'square = state["v"] / (1 - beta2 ** state["t"])',
    'square = state["v"]',
)
wrong(
    optim.Adam,
    "the mean of the gradients is not corrected for its start at 0",
    'mean = state["m"] / (1 - beta1 ** state["t"])',
    'mean = state["m"]',
)
wrong(optim.Adam, "eps stands under the root", "(np.sqrt(square) + self.eps)", "np.sqrt(square + self.eps)")
wrong(
    optim.Adam,
    "the root is missing: the step is divided by the mean square",
    "(np.sqrt(square) + self.eps)",
    "(square + self.eps)",
)
wrong(optim.Adam, "the two betas are exchanged", "beta1, beta2 = self.betas", "beta2, beta1 = self.betas")
wrong(
    optim.Adam,
    "the second mean is of the gradient's size, not of its square",
    "(g * g - state",
    "(np.abs(g) - state",
)
wrong(
    optim.Adam,
    "the step counter stays at 1, so every step is corrected like the first",
    'state["t"] += 1',
    'state["t"] = 1',
)
wrong(
    optim.Adam,
    "weight decay shrinks the weights directly, past the means: this is AdamW",
    """g = p.grad + self.weight_decay * p.data if self.weight_decay else p.grad
""",
    """g = p.grad
            p.data *= 1 - self.lr * self.weight_decay
""",
)
wrong(
    optim.Adam,
    "all parameters count their steps together",
    'state["t"] += 1',
    'state["t"] = self.__dict__["steps"] = self.__dict__.get("steps", 0) + 1',
)
wrong(
    optim.Adam,
    "all parameters share their means",
    "zip(self.params, self.state, strict=True)",
    "zip(self.params, [self.state[0]] * len(self.params), strict=True)",
)
wrong(
    optim.SGD,
    "velocities are kept outside self.state, so a saved state loses them",
    "        for p, state in zip(self.params, self.state, strict=True):",
    '        self.kept = getattr(self, "kept", [{} for _ in self.params])\n'
    "        for p, state in zip(self.params, self.kept, strict=True):",
)
wrong(optim.SGD, "nesterov without momentum is accepted", "if nesterov and momentum <= 0:", "if False:")
wrong(
    optim.Adam,
    "m and v are always float64, and so become the parameters",
    "m=np.zeros_like(p.data), v=np.zeros_like(p.data))",
    "m=np.zeros(p.shape), v=np.zeros(p.shape)); p.data = p.data.astype(float)",
)
