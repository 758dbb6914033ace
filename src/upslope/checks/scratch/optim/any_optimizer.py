"""What any optimizer must do."""

import numpy as np

from upslope.checks.expect import close, true
from upslope.checks.samples import some, spelled
from upslope.scratch.tensor import Tensor


def weights(*arrays, dtype=np.float64):
    """Parameters that hold copies of these numbers."""
    return [Tensor(np.array(a, dtype=dtype), requires_grad=True) for a in arrays]


def strong(rng, *shape):
    """Gradients of either sign, none near 0, where eps would count."""
    return np.round(rng.uniform(0.2, 2.0, shape) * rng.choice([-1.0, 1.0], shape), 2)


def walk(optimizer, params, gradients):
    """Steps with these gradients, one array (or None) for each parameter in each step; the numbers after every step."""
    path = []
    for row in gradients:
        for p, g in zip(params, row, strict=True):
            p.grad = None if g is None else np.array(g, dtype=p.data.dtype)
        optimizer.step()
        path.append([p.data.tolist() for p in params])
    return path


def one_number(make, start, gradients):
    """Where one number, alone in an array, goes under these gradients."""
    params = weights([start])
    return [after[0][0] for after in walk(make(params), params, [[[g]] for g in gradients])]


def follow(make, truth, rng, words, *, steps=4, rtol=1e-5):
    """Random gradients for parameters of three shapes, step by step beside the truth."""
    starts = [some(rng, *shape) for shape in ((1,), (3,), (2, 2))]
    gradients = [[strong(rng, *start.shape) for start in starts] for _ in range(steps)]
    params = weights(*starts)
    optimizer = make(params)
    for t, row in enumerate(gradients, 1):
        walk(optimizer, params, [row])
        for k, start in enumerate(starts):
            seen = [r[k] for r in gradients[:t]]
            case = f"{words}: {spelled(start)} after step {t} with gradients {', '.join(spelled(g) for g in seen)}"
            close(params[k], truth(start, seen)[-1], case=case, rtol=rtol)


def leaves_alone(make, rng, words):
    """The dtype of the parameters stays, and so do the numbers of their gradients and parameters without one."""
    for dtype in ("float32", "float64"):
        params = weights(some(rng, 2), some(rng, 2), dtype=dtype)
        optimizer = make(params)
        g = some(rng, 2).astype(dtype)
        still = params[1].data.tolist()
        for step in (1, 2):
            params[0].grad, params[1].grad = g.copy(), None
            optimizer.step()
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
    """An optimizer whose state was saved and loaded takes the same steps as one that went on."""
    start, gradients = some(rng, 3), [[some(rng, 3)] for _ in range(4)]
    params = weights(start)
    optimizer = make(params)
    walk(optimizer, params, gradients[:2])
    again = weights(params[0].data)
    other = make(again)
    other.load_state_dict(optimizer.state_dict())
    walk(optimizer, params, gradients[2:])
    walk(other, again, gradients[2:])
    case = f"{words}: two steps, state_dict() into a new optimizer, two more steps"
    close(again[0], params[0].data, case=case)
