"""Random programs in the engine and in PyTorch: values, dtypes, gradients, and what is refused, step by step.

A program starts with a few small tensors (sizes of 0 and scalars among them, floats, integers and bools, with many ties
and zeros) and applies operations to whatever it has made so far, with arguments that often do not fit. After every step
both sides must agree: both refuse, or both have the same numbers in the same dtype. At the end gradients walk back.
Where the two are meant to differ, NARROWER says so and why.

`make test` runs a few hundred programs, `make test-all` many thousands. One that fails is its number: PROGRAM=417.
"""

import operator
import os
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from upslope.scratch import ops
from upslope.scratch.tape import no_grad
from upslope.scratch.tensor import Tensor

torch = pytest.importorskip("torch", reason="PyTorch is the oracle of these tests")
F = torch.nn.functional

Rng = np.random.Generator
Step = Callable[[Any], Any]  # what to do, given a side: `lambda on: on.x[2].sum(1)`

# What PyTorch takes and the engine refuses.
NARROWER = {
    "linear": "a weight is (out, in)",
    "cat": "an empty tensor of another shape is not skipped",
    "pow": "integers to negative powers are no integers; PyTorch rounds them",
    "softmax": "an exercise: over a dimension of size 0 there is no largest score",
    "logsumexp": "an exercise: over a dimension of size 0 there is no largest score",
}


# What is no refusal: PyTorch has no kernel for a dtype, or copies more carefully than NumPy needs to.
KERNELS = (
    "not implemented for", "does not support bool", "Boolean inputs not supported",
    "source and destination dtypes match", "refer to a single memory location",
)  # fmt: skip
# What the engine says where PyTorch looks closer: at the value's dimensions of size 1, at which places are written.
STRICTER = ("requires a 0 or 1-dimensional input", "one number in several places")
# Operations that are drawn for tensors of one dtype: PyTorch's answers to several differ from kernel to kernel.
ONE_DTYPE = ("matmul", "mse_loss", "binary_cross_entropy_with_logits", "linear")
# The references of exercises, which are written for floats.
FLOATS = ("sigmoid", "softmax", "logsumexp", "log_softmax")
LEAVES = 3  # tensors that a program starts with


class Refused(Exception):
    """One side refused a step."""


class Ours:
    """The engine's side of a program."""

    def __init__(self) -> None:
        self.x: list[Any] = []

    def make(self, array: np.ndarray, requires_grad: bool) -> Tensor:
        return Tensor(array.copy(), requires_grad=requires_grad)

    def array(self, array: np.ndarray) -> Tensor:
        return Tensor(array.copy())

    def __getattr__(self, name: str) -> Any:
        return getattr(ops, name)

    no_grad = staticmethod(no_grad)


class Theirs:
    """PyTorch's side."""

    def __init__(self) -> None:
        self.x: list[Any] = []

    def make(self, array: np.ndarray, requires_grad: bool) -> Any:
        return torch.tensor(array, requires_grad=requires_grad)

    def array(self, array: np.ndarray) -> Any:
        return torch.tensor(array)

    def __getattr__(self, name: str) -> Any:
        return getattr(F, name) if name in OF_FUNCTIONAL else getattr(torch, name)

    no_grad = staticmethod(torch.no_grad)


OF_FUNCTIONAL = {
    "leaky_relu", "elu", "softplus", "silu", "gelu", "pad", "mse_loss", "nll_loss", "cross_entropy", "linear", "conv2d",
    "binary_cross_entropy_with_logits", "embedding", "one_hot", "layer_norm", "max_pool2d", "avg_pool2d",
}  # fmt: skip


# Drawing: shapes, arrays and arguments.
def a_shape(rng: Rng, most: int = 3) -> tuple[int, ...]:
    return tuple(int(n) for n in rng.choice([0, 1, 1, 2, 2, 3, 3], rng.integers(0, most + 1)))


def an_array(rng: Rng, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    if dtype == "bool":
        return np.asarray(rng.random(shape) < 0.5)
    if dtype.startswith("float"):
        # Few different numbers: ties, zeros and ones are where slopes are special.
        return np.asarray(rng.integers(-4, 5, shape) / 2).astype(dtype)
    return np.asarray(rng.integers(0 if dtype == "int8" else -3, 4, shape)).astype(dtype)


def an_index(rng: Rng, shape: tuple[int, ...]) -> Callable[[Any], Any]:
    """An index of whatever kind: given a side, the index in its own tensors."""
    parts: list[Callable[[Any], Any]] = []
    at = 0
    dots = False
    for _ in range(rng.integers(1, len(shape) + 2)):
        size = shape[at] if at < len(shape) else 2
        kind = rng.choice(["int", "slice", "slice", "none", "dots", "mask", "ints", "list", "tensor0"])
        if kind == "int":
            i = int(rng.integers(-size - 1, size + 1))
            parts.append(lambda on, i=i: i)
        elif kind == "slice":
            start, stop = (None if rng.random() < 0.3 else int(rng.integers(-4, 5)) for _ in range(2))
            step = [None, 1, 2, -1][int(rng.choice(4, p=[0.6, 0.15, 0.2, 0.05]))]
            parts.append(lambda on, s=slice(start, stop, step): s)
        elif kind == "none":
            parts.append(lambda on: None)
            continue
        elif kind == "dots":
            if not dots:
                parts.append(lambda on: ...)
            dots = True
            continue
        elif kind == "mask":
            wide = int(rng.integers(1, 3))
            mask = rng.random(shape[at : at + wide]) < 0.5
            parts.append(lambda on, mask=mask: on.array(mask))
            at += wide - 1
        elif kind == "ints":
            places = rng.integers(-size, max(size, 1), [(2,), (1, 2), (2, 1), (0,)][int(rng.integers(0, 4))])
            parts.append(lambda on, places=places: on.array(places))
        elif kind == "list":
            places = rng.integers(-size, max(size, 1), 2).tolist()
            parts.append(lambda on, places=places: places)
        else:
            i = np.asarray(rng.integers(-size, max(size, 1)))
            parts.append(lambda on, i=i: on.array(i))
        at += 1
    if len(parts) == 1 and rng.random() < 0.7:
        return parts[0]
    return lambda on: tuple(part(on) for part in parts)


def a_dim(rng: Rng, ndim: int) -> int:
    return int(rng.integers(-ndim - (rng.random() < 0.1), max(ndim, 1) + (rng.random() < 0.1)))


def one_of(rng: Rng, found: list[Any]) -> Any:
    return found[int(rng.integers(len(found)))]


UNARY: dict[str, Callable[[Any, Any], Any]] = {
    **{
        name: lambda on, x, name=name: getattr(on, name)(x)
        for name in ("exp", "log", "sqrt", "sin", "cos", "tanh", "sigmoid", "relu", "abs")
    },
    **{
        name: lambda on, x, name=name: getattr(on, name)(x)
        for name in ("leaky_relu", "elu", "softplus", "silu", "gelu")
    },
    "neg": lambda on, x: -x,
    "abs()": lambda on, x: x.abs(),
    "T": lambda on, x: x.T if x.ndim <= 2 else x.transpose(0, 1),
    "mT": lambda on, x: x.mT if x.ndim else x,
    "x + 1": lambda on, x: x + 1,
    "x + 0.5": lambda on, x: x + 0.5,
    "x * True": lambda on, x: x * True,
    "2 - x": lambda on, x: 2 - x,
    "x / 2": lambda on, x: x / 2,
    "1 / x": lambda on, x: 1 / x,
    "x**2": lambda on, x: x**2,
    "x**0": lambda on, x: x**0,
    "x**0.5": lambda on, x: x**0.5,
    "2.0**x": lambda on, x: 2.0**x,
    "x > 0": lambda on, x: x > 0,
    "x == 1.5": lambda on, x: x == 1.5,
    "x <= 1": lambda on, x: x <= 1,
    "float": lambda on, x: x.float(),
    "double": lambda on, x: x.double(),
    "long": lambda on, x: x.long(),
    "detach": lambda on, x: x.detach(),
    "list": lambda on, x: on.stack(list(x)),
    "item": lambda on, x: on.array(np.asarray(x.item())),
}
BINARY: dict[str, Callable[[Any, Any, Any], Any]] = {
    **{
        f.__name__: lambda on, x, y, f=f: f(x, y)
        for f in (
            operator.add, operator.sub, operator.mul, operator.truediv, operator.pow, operator.matmul, operator.lt,
            operator.eq, operator.ge,
        )
    },
    "maximum": lambda on, x, y: on.maximum(x, y),
    "minimum": lambda on, x, y: x.minimum(y),
    "mse_loss": lambda on, x, y: on.mse_loss(x, y),
    "binary_cross_entropy_with_logits": lambda on, x, y: on.binary_cross_entropy_with_logits(x, y),
}  # fmt: skip
IN_PLACE = {"iadd": operator.iadd, "isub": operator.isub, "imul": operator.imul, "itruediv": operator.itruediv}
REDUCTIONS = (
    "sum",
    "mean",
    "var",
    "std",
    "cumsum",
    "max",
    "min",
    "argmax",
    "argmin",
    "softmax",
    "log_softmax",
    "logsumexp",
)


def a_step(rng: Rng, x: list[Any]) -> tuple[str, Step]:
    """The name of an operation on some of x (our tensors so far), and what to do on either side."""
    i, j = int(rng.integers(len(x))), int(rng.integers(len(x)))
    shape, ndim = x[i].shape, x[i].ndim
    kind = rng.choice(
        ["unary", "binary", "reduce", "shape", "index", "parts", "place"], p=[0.2, 0.2, 0.2, 0.15, 0.1, 0.1, 0.05]
    )
    if kind == "unary":
        name = one_of(rng, list(UNARY))
        return name, lambda on: UNARY[name](on, on.x[i])
    if kind == "binary":
        name = one_of(rng, list(BINARY))
        j = alike(x, i, j) if name in ONE_DTYPE else j
        return name, lambda on: BINARY[name](on, on.x[i], on.x[j])
    if kind == "reduce":
        return a_reduction(rng, i, ndim)
    if kind == "shape":
        return a_shape_change(rng, i, shape)
    if kind == "index":
        index = an_index(rng, shape)
        return "index", lambda on: on.x[i][index(on)]
    if kind == "place":
        return a_change(rng, i, j, shape)
    return a_part(rng, x, i, j)


def alike(x: list[Any], i: int, j: int) -> int:
    """j, or i where they differ in dtype."""
    return j if x[i].dtype == x[j].dtype else i


def a_reduction(rng: Rng, i: int, ndim: int) -> tuple[str, Step]:
    name = one_of(rng, list(REDUCTIONS))
    dim, keepdim = a_dim(rng, ndim), bool(rng.random() < 0.5)
    if name in ("cumsum", "softmax", "log_softmax"):
        return name, lambda on: getattr(on.x[i], name)(dim)
    if name == "logsumexp":
        return name, lambda on: on.x[i].logsumexp(dim, keepdim)
    if rng.random() < 0.4:
        return name, lambda on: getattr(on.x[i], name)()
    if name in ("max", "min"):
        part = int(rng.integers(2))
        return name, lambda on: getattr(on.x[i], name)(dim, keepdim)[part]
    if name in ("argmax", "argmin"):
        return name, lambda on: getattr(on.x[i], name)(dim, keepdim)
    dims: Any = tuple({a_dim(rng, ndim) for _ in range(rng.integers(1, 3))}) if rng.random() < 0.4 else dim
    if name in ("var", "std"):
        correction = int(rng.integers(0, 2))
        return name, lambda on: getattr(on.x[i], name)(dim=dims, correction=correction, keepdim=keepdim)
    return name, lambda on: getattr(on.x[i], name)(dims, keepdim=keepdim)


def a_shape_change(rng: Rng, i: int, shape: tuple[int, ...]) -> tuple[str, Step]:
    ndim = len(shape)
    name = one_of(rng, ["reshape", "flatten", "transpose", "permute", "squeeze", "unsqueeze", "expand", "pad"])
    if name == "reshape":
        size = int(np.prod(shape))
        factor = one_of(rng, [n for n in range(1, 7) if size % n == 0] or [1])
        new = one_of(
            rng, [(size,), (-1,), (factor, -1), (size // factor, factor), (-1, factor, 1), (2, -1), (0, -1), (5,)]
        )
        return name, lambda on: on.x[i].reshape(*new)
    if name == "flatten":
        start, end = a_dim(rng, ndim), a_dim(rng, ndim)
        return name, lambda on: on.x[i].flatten(start, end)
    if name == "transpose":
        first, second = a_dim(rng, ndim), a_dim(rng, ndim)
        return name, lambda on: on.x[i].transpose(first, second)
    if name == "permute":
        order = [int(d) for d in rng.permutation(ndim)]
        order = [d - ndim if rng.random() < 0.2 else d for d in order]
        order = order[:-1] if rng.random() < 0.05 else order
        return name, lambda on: on.x[i].permute(order)
    if name == "squeeze":
        at = a_dim(rng, ndim)
        return name, (lambda on: on.x[i].squeeze(at)) if rng.random() < 0.6 else (lambda on: on.x[i].squeeze())
    if name == "unsqueeze":
        at = a_dim(rng, ndim + 1)
        return name, lambda on: on.x[i].unsqueeze(at)
    if name == "expand":
        wide = [int(one_of(rng, [-1, 2, 3])) if n == 1 else int(one_of(rng, [n, -1])) for n in shape]
        front = [] if rng.random() < 0.5 else [int(one_of(rng, [1, 2, 0]))]
        wide = wide[1:] if rng.random() < 0.05 else wide
        return name, lambda on: on.x[i].expand((*front, *wide))
    widths = [int(n) for n in rng.integers(0, 3, 2 * int(rng.integers(1, max(ndim, 1) + 1)))]
    return name, lambda on: on.pad(on.x[i], widths)


def a_change(rng: Rng, i: int, j: int, shape: tuple[int, ...]) -> tuple[str, Step]:
    """A change in place: what comes back is the tensor that was changed."""
    inside = rng.random() < 0.7  # under no_grad
    if rng.random() < 0.4:
        index = an_index(rng, shape)
        value = one_of(rng, [1.5, 2, None])

        def put(on: Any) -> Any:
            with on.no_grad():
                on.x[i][index(on)] = on.x[j] if value is None else value
            return on.x[i] * 1

        return "setitem", put
    name = one_of(rng, list(IN_PLACE))
    other = one_of(rng, [2, 0.5, None])

    def change(on: Any) -> Any:
        y = on.x[j] if other is None else other
        if inside:
            with on.no_grad():
                changed = IN_PLACE[name](on.x[i], y)
                assert changed is on.x[i]
            return on.x[i] * 1
        return IN_PLACE[name](on.x[i] if on.x[i].is_leaf and on.x[i].requires_grad else on.x[i] * 1, y)

    return name, change


def a_part(rng: Rng, x: list[Any], i: int, j: int) -> tuple[str, Step]:
    """Parts of networks, and what takes several tensors."""
    name = one_of(
        rng,
        ["losses", "cat", "stack", "where", "clamp", "losses", "embedding", "one_hot", "linear", "layer_norm", "pools"],
    )
    fitting = [
        k for k, one in enumerate(x) if one.ndim == {"losses": 2, "pools": 3}.get(name) and one.dtype.kind == "f"
    ]
    i = one_of(rng, fitting or [i])
    shape = x[i].shape
    if name in ("losses", "pools") and (not fitting or 0 in shape):
        return a_shape_change(rng, i, shape)
    dim = a_dim(rng, len(shape))
    if name in ("cat", "stack"):
        return name, lambda on: getattr(on, name)([on.x[i], on.x[j]], dim)
    if name == "where":
        test = one_of(rng, [lambda on: on.x[i] > 0, lambda on: on.x[j] > 0, lambda on: on.x[i]])
        return name, lambda on: on.where(test(on), on.x[i], on.x[j])
    if name == "clamp":
        low, high = one_of(rng, [(-1, 1), (-0.5, None), (None, 1.0), (1, -1), (0, 0.5), (None, None)])
        return name, lambda on: on.clamp(on.x[i], low, high)
    classes = shape[-1] if shape and shape[-1] else 3
    labels = rng.integers(-1 if rng.random() < 0.2 else 0, classes + (rng.random() < 0.2), shape[:-1])
    if rng.random() < 0.1:
        labels = labels[1:] if labels.ndim else labels
    if name == "losses":
        labels = labels.astype(one_of(rng, ["int64", "int64", "int64", "bool", "float32"]))
        loss = one_of(rng, ["nll_loss", "cross_entropy"])
        return name, lambda on: getattr(on, loss)(on.x[i], on.array(labels))
    if name == "embedding":
        ids = rng.integers(0, max(shape[0] if shape else 1, 1) + (rng.random() < 0.1), a_shape(rng, 2))
        return name, lambda on: on.embedding(on.array(ids), on.x[i])
    if name == "one_hot":
        return name, lambda on: on.one_hot(on.array(labels), classes)
    if name == "linear":
        return name, lambda on: on.linear(on.x[i], on.x[alike(x, i, j)])
    if name == "layer_norm":
        size = shape[-int(rng.integers(1, 3)) :] if shape else (1,)
        return name, lambda on: on.layer_norm(on.x[i], size)
    width = int(rng.integers(1, 3))
    pool = one_of(rng, ["max_pool2d", "avg_pool2d"])
    return name, lambda on: getattr(on, pool)(on.x[i].unsqueeze(0), width)


def attempt(step: Step, side: Any) -> Any:
    """What a step gives on a side, or the refusal."""
    try:
        return step(side)
    except (ArithmeticError, AttributeError, AssertionError, NameError):
        # No refusal but a fault of ours; PyTorch raises none of these for arguments that do not fit.
        if isinstance(side, Ours):
            raise
        return Refused()
    except Exception as error:
        return Refused(f"{type(error).__name__}: {error}")


def same(name: str, got: Any, want: Any) -> None:
    assert got.shape == tuple(want.shape), f"{name}: shape {got.shape}, PyTorch's {tuple(want.shape)}"
    dtype = str(want.dtype).removeprefix("torch.")
    assert str(got.dtype) == dtype, f"{name}: {got.dtype}, PyTorch's {dtype}"
    assert got.requires_grad == want.requires_grad, f"{name}: requires_grad"
    close(name, got.data, want.detach().numpy())


def close(name: str, got: np.ndarray, want: np.ndarray) -> None:
    tolerance = 2e-4 if want.dtype == np.float32 else 1e-5  # a program may mix both
    finite = want[np.isfinite(want)] if want.dtype.kind == "f" else want
    scale = max(1.0, float(np.abs(finite.astype(float)).max(initial=0.0)))
    np.testing.assert_allclose(got, want, rtol=tolerance, atol=scale * tolerance, err_msg=name)


def run(seed: int) -> None:
    """One program, on both sides."""
    rng = np.random.default_rng(seed)
    ours, theirs = Ours(), Theirs()
    for _ in range(LEAVES):
        dtype = one_of(rng, ["float32", "float64", "float64", "float32", "int64", "int32", "int8", "bool"])
        array = an_array(rng, a_shape(rng), dtype)
        wants = dtype.startswith("float") and rng.random() < 0.8
        for side in (ours, theirs):
            side.x.append(side.make(array, wants))
    told = [f"program {seed}", *(repr(x) for x in ours.x)]
    try:
        for _ in range(int(rng.integers(1, 6))):
            name, step = a_step(rng, ours.x)
            told.append(name)
            if name == "gelu" and not all(np.isfinite(x.data).all() for x in ours.x):
                continue  # of infinity PyTorch's kernels make nan or inf, as the processor has it
            if name in FLOATS and any(x.dtype.kind != "f" for x in ours.x):
                continue
            got, want = attempt(step, ours), attempt(step, theirs)
            if isinstance(got, Refused) and isinstance(want, Refused):
                told[-1] += f": refused, {got}"
                continue
            if (isinstance(want, Refused) and any(words in str(want) for words in KERNELS)) or (
                isinstance(got, Refused) and name in NARROWER
            ):
                if name in (*IN_PLACE, "setitem"):
                    break  # only one side has changed its numbers
                continue
            assert not isinstance(want, Refused), f"{name}: PyTorch refuses this: {want}"
            if isinstance(got, Refused) and any(words in str(got) for words in STRICTER):
                break
            if isinstance(got, Refused) and name in ("index", "setitem", *IN_PLACE) and not want.numel():
                break  # PyTorch does not look at places where nothing is picked or put
            assert not isinstance(got, Refused), f"{name}: PyTorch takes this, we say: {got}"
            told[-1] += f": {got!r}"
            same(name, got, want)
            # From here on with the very same numbers, so that later ties are ties on both sides.
            if want.dtype.is_floating_point and 0 not in want.stride():
                want.data.copy_(torch.tensor(got.data))
            ours.x.append(got)
            theirs.x.append(want)
        walk_back(rng, ours, theirs)
    except Exception as error:
        raise AssertionError("\n".join([*told, f"{type(error).__name__}: {error}"])) from error


def walk_back(rng: Rng, ours: Ours, theirs: Theirs) -> None:
    """The last result that requires a gradient gets a random one."""
    pairs = list(zip(ours.x, theirs.x, strict=True))
    recorded = [(got, want) for got, want in pairs if got.requires_grad]
    if not recorded:
        return
    got, want = recorded[-1]
    g = an_array(rng, got.shape, str(got.dtype))
    before = attempt(lambda on: got.backward(g), ours)
    after = attempt(lambda on: want.backward(torch.tensor(g)), theirs)
    if isinstance(after, Refused) or "changed in place" in str(before):
        # A change in place is refused where an operation has kept those numbers; which ones it keeps is its own affair.
        return
    assert not isinstance(before, Refused), f"backward: {before}"
    for x, t in pairs[:LEAVES]:
        if t.requires_grad:
            assert (x.grad is None) == (t.grad is None), f"a gradient is {x.grad}, PyTorch's {t.grad}"
            if x.grad is not None:
                assert type(x.grad) is np.ndarray
                assert x.grad.dtype == x.dtype
                assert x.grad.shape == x.shape
                close(f"gradient of a leaf {x!r}", x.grad, t.grad.numpy())


def runs(programs: range) -> None:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for seed in [int(os.environ["PROGRAM"])] if "PROGRAM" in os.environ else programs:
            run(seed)


def test_some_random_programs():
    runs(range(300))


@pytest.mark.deep
@pytest.mark.parametrize("thousand", range(20))
def test_many_random_programs(thousand):
    runs(range(1000 * thousand, 1000 * (thousand + 1)))
