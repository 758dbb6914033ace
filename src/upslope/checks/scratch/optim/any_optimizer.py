"""One description of an optimizer, from which the checks that every optimizer needs follow (op_info.py for optimizers).

    SGD = OptimizerInfo(optim.SGD, truth=sgd_by_sums)

    test_sgd_by_hand = SGD.by_hand("lr=0.1 takes p = 1 with gradient 2 to 0.8", ({"lr": 0.1}, 1.0, [2.0], [0.8]))

`truth` gets a start, all gradients, and the settings, with one learning rate for each step; it gives the whole path.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from upslope.checks.expect import close, equal, raises
from upslope.checks.samples import some, spelled
from upslope.scratch.tensor import Tensor

__all__ = ["OptimizerInfo", "walk", "weights"]

Check = Callable[[np.random.Generator], None]
Settings = Mapping[str, Any]
_LONG = 300  # steps


@dataclass(frozen=True)
class OptimizerInfo:
    """An optimizer, and where its paths must lead."""

    kind: Callable[..., Any]
    truth: Callable[..., Any]

    def by_hand(self, title: str, *cases: tuple[Settings, float, Sequence[float], Sequence[float]]) -> Check:
        """Settings, one number, its gradients step by step, and where it stands after each."""
        return self._check(title, _by_hand, cases)

    def random(self, title: str, *choices: Settings) -> Check:
        """Random gradients for parameters of three shapes, step by step beside the truth."""
        return self._check(title, _random, self.truth, choices)

    def long(self, title: str, settings: Settings) -> Check:
        """Hundreds of steps; halfway lr is changed, which counts from the next step on."""
        return self._check(title, _long, self.truth, settings)

    def leaves_alone(self, title: str, settings: Settings) -> Check:
        """The dtype of the parameters stays, and so do the numbers of their gradients and parameters without one."""
        return self._check(title, _leaves_alone, settings)

    def goes_on(self, title: str, settings: Settings) -> Check:
        """An optimizer whose state was saved and loaded takes the same steps as one that went on."""
        return self._check(title, _goes_on, settings)

    def refuses(self, title: str, *choices: Settings) -> Check:
        """Settings that raise a ValueError."""
        return self._check(title, _refuses, choices)

    def _check(self, title: str, run: Callable[..., None], *args: Any) -> Check:
        part = partial(run, self.kind, *args)

        def check(rng: np.random.Generator) -> None:
            part(rng)

        check.__doc__ = title
        return check


# Plain functions from here on: those of a class could not be given copies of the comparisons (integrity/).


def weights(*arrays: Any, dtype: Any = np.float64) -> list[Tensor]:
    """Parameters that hold copies of these numbers."""
    return [Tensor(np.array(a, dtype=dtype), requires_grad=True) for a in arrays]


def walk(optimizer: Any, params: Sequence[Tensor], gradients: Any) -> list[list[Any]]:
    """Steps with these gradients, one array (or None) for each parameter in each step; the numbers after every step."""
    path = []
    for row in gradients:
        for p, g in zip(params, row, strict=True):
            p.grad = None if g is None else np.array(g, dtype=p.data.dtype)
        optimizer.step()
        path.append([p.data.tolist() for p in params])
    return path


def _by_hand(kind: Any, cases: Sequence[Any], rng: np.random.Generator) -> None:
    for settings, start, gradients, expected in cases:
        params = weights([start])
        path = [after[0][0] for after in walk(kind(params, **settings), params, [[[g]] for g in gradients])]
        case = f"{_words(kind, settings)}: p = {start:g}, gradients {', '.join(f'{g:g}' for g in gradients)}"
        close(path, expected, case=case, rtol=1e-6)


def _random(kind: Any, truth: Any, choices: Sequence[Settings], rng: np.random.Generator) -> None:
    for settings in choices:
        starts = [some(rng, *shape) for shape in ((1,), (3,), (2, 2))]
        gradients = [[_strong(rng, *start.shape) for start in starts] for _ in range(4)]
        params = weights(*starts)
        optimizer = kind(params, **settings)
        paths = [truth(start, [row[k] for row in gradients], **settings) for k, start in enumerate(starts)]
        for t, row in enumerate(gradients):
            walk(optimizer, params, [row])
            for k, start in enumerate(starts):
                seen = ", ".join(spelled(r[k]) for r in gradients[: t + 1])
                case = f"{_words(kind, settings)}: {spelled(start)} after step {t + 1} with gradients {seen}"
                close(params[k], paths[k][t], case=case)


def _long(kind: Any, truth: Any, settings: Settings, rng: np.random.Generator) -> None:
    start, gradients = some(rng, 3), [_strong(rng, 3) for _ in range(_LONG)]
    params = weights(start)
    optimizer = kind(params, **settings)
    rates = np.full(_LONG, settings["lr"])
    rates[_LONG // 2 :] *= 0.25
    path = truth(start, gradients, **{**settings, "lr": rates})
    for t, g in enumerate(gradients):
        optimizer.lr = float(rates[t])
        walk(optimizer, params, [[g]])
        if t + 1 in (_LONG // 2, _LONG // 2 + 1, _LONG):
            case = f"{_words(kind, settings)}, lr={rates[-1]:g} from step {_LONG // 2 + 1} on: after step {t + 1}"
            close(params[0], path[t], case=case)


def _leaves_alone(kind: Any, settings: Settings, rng: np.random.Generator) -> None:
    for dtype in ("float32", "float64"):
        params = weights(some(rng, 2), some(rng, 2), dtype=dtype)
        optimizer = kind(params, **settings)
        g = some(rng, 2).astype(dtype)
        still = params[1].data.tolist()
        for step in (1, 2):
            params[0].grad, params[1].grad = g.copy(), None
            optimizer.step()
            case = f"{_words(kind, settings)}, step {step}"
            equal(str(params[0].data.dtype), dtype, case=case, problem="the dtype of the parameter changed")
            close(params[0].grad, g, case=f"{case}: p.grad after the step")
            close(params[1], still, case=f"{case}: a parameter without a gradient")


def _goes_on(kind: Any, settings: Settings, rng: np.random.Generator) -> None:
    start, gradients = some(rng, 3), [[some(rng, 3)] for _ in range(4)]
    params = weights(start)
    optimizer = kind(params, **settings)
    walk(optimizer, params, gradients[:2])
    again = weights(params[0].data)
    other = kind(again, **settings)
    other.load_state_dict(optimizer.state_dict())
    walk(optimizer, params, gradients[2:])
    walk(other, again, gradients[2:])
    case = f"{_words(kind, settings)}: two steps, state_dict() into a new optimizer, two more steps"
    close(again[0], params[0].data, case=case)


def _refuses(kind: Any, choices: Sequence[Settings], rng: np.random.Generator) -> None:
    for settings in choices:
        raises(ValueError, partial(kind, weights([1.0]), **settings), case=_words(kind, settings))


def _strong(rng: np.random.Generator, *shape: int) -> Any:
    """Gradients of either sign, none near 0, where eps would count."""
    return np.round(rng.uniform(0.2, 2.0, shape) * rng.choice([-1.0, 1.0], shape), 2)


def _words(kind: Any, settings: Settings) -> str:
    return f"{kind.__name__}({', '.join(f'{name}={value}' for name, value in settings.items())})"
