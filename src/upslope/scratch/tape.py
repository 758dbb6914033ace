"""The tape: how a gradient walks back from a result to everything that the result was made from.

Every operation leaves on its result the tensors it read (its parents) and, beside each parent, a derivative: a
function that takes the gradient of the result and gives the gradient of that parent. `walk_back` starts at the end and
applies the chain rule to one result after another, each after all of its own uses. That is reverse-mode automatic
differentiation (Linnainmaa 1970; Baydin et al. 2018, https://arxiv.org/abs/1502.05767).

It keeps few numbers in memory: what a result recorded is dropped as soon as its gradient has been passed on, a first
gradient is taken as it is, without a copy, wherever nobody else can hold it, and later ones are added to it in place.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FunctionType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from upslope.scratch.tensor import Tensor

Array = NDArray[Any]
Derivative = Callable[[Array], Array]
# One parent of a result: the tensor, its derivative (None: it needs no gradient), its version when it was read.
Edge = tuple["Tensor", Derivative | None, int]


class Recording(threading.local):
    """Whether operations are being recorded in this thread."""

    on = True


recording = Recording()


@contextmanager
def no_grad() -> Iterator[None]:
    """Record nothing inside: `with no_grad(): ...` or `@no_grad()`, for measuring a model or changing its weights."""
    before = recording.on
    recording.on = False
    try:
        yield
    finally:
        recording.on = before


def sum_to_size(gradient: Array, shape: tuple[int, ...]) -> Array:
    """Undo broadcasting: a number that was used many times collects the sum of the gradients of its uses.

    A (3,) bias added to (64, 3) activations was used 64 times: sum_to_size(g, (3,)) is g.sum(axis=0).
    The engine calls this for every parent, so a derivative may return its gradient in the result's shape.
    """
    # Dimensions that broadcasting put in front. NumPy gives a bare number for a sum over all; an array is wanted.
    for _ in range(gradient.ndim - len(shape)):
        gradient = np.asarray(np.add.reduce(gradient))
    # Dimensions of size 1 that it stretched.
    if gradient.shape == shape:
        return gradient
    stretched = tuple(i for i, size in enumerate(shape) if size == 1 and gradient.shape[i] != 1)
    return gradient.sum(axis=stretched, keepdims=True) if stretched else gradient


def masked(g: Array, mask: Array) -> Array:
    """g where the mask holds and 0 elsewhere, for a derivative that lets some gradients pass and stops the others.

    For finite g that is a product, ten times as fast as np.where. But 0 * inf is nan, and an infinite gradient that is
    stopped is 0 as well: so it is below relu(x).sqrt(), whose slope at 0 is infinite.
    """
    return g * mask if np.isfinite(g).all() else np.where(mask, g, 0)


def walk_back(root: "Tensor", gradient: Array, *, retain_graph: bool) -> None:
    """Add to `.grad` of every leaf below `root` the gradient that `gradient` at `root` causes there."""
    waiting = count_uses(root)
    # For each result that waits: its gradient so far, and whether nobody but this walk holds that array.
    collected: dict[int, tuple[Array, bool]] = {id(root): (gradient, False)}
    ready = [root]
    while ready:
        node = ready.pop()
        g, own = collected.pop(id(node))
        if node._retains_grad:
            node.grad = np.array(g) if node.grad is None else np.asarray(node.grad + g)
        edges = node._edges or ()
        if node._version[0] != node._born:
            refuse_if_needed(node, edges)
        # With one parent, a gradient that is nobody else's may be handed on or changed. Otherwise it is only shown.
        alone = own and len(edges) == 1
        if not alone:
            g = g.view()
            g.flags.writeable = False

        for parent, derivative, version in edges:
            if parent._version[0] != version:
                refuse_if_needed(parent, edges)
            if derivative is None:
                continue
            # The chain rule: this use of the parent contributes d.
            d = derivative(g)
            like = parent._data
            if type(d) is not np.ndarray or d.shape != like.shape or d.dtype != like.dtype:
                d = fit(d, like, derivative)
            # It is nobody else's if the derivative has just made it, or if it is g (or a view of g), handed on.
            mine = d.base is None and d is not g
            if alone and not mine:
                mine = (d is g or d.base is (g if g.base is None else g.base)) and d.flags.writeable

            if parent._edges is None:
                if parent.grad is not None:
                    parent.grad += d
                elif mine:
                    parent.grad = d
                else:
                    parent.grad = np.empty_like(like)
                    parent.grad[...] = d
                continue
            key = id(parent)
            if key not in collected:
                collected[key] = d, mine
            else:
                before, ours = collected[key]
                if ours:
                    before += d
                else:
                    collected[key] = np.asarray(before + d), True
            # A result passes its gradient on when every use of it has contributed.
            waiting[key] -= 1
            if not waiting[key]:
                ready.append(parent)
        if not retain_graph:
            node._edges = FREED


# What stands in the place of a result's parents after backward has let them go.
FREED: tuple[Edge, ...] = ()


def count_uses(root: "Tensor") -> dict[int, int]:
    """How many contributions each result below `root` waits for. Leaves are left out: they only collect."""
    uses = {id(root): 0}
    stack = [root]
    while stack:
        node = stack.pop()
        edges = node._edges
        if edges is FREED:
            raise RuntimeError(
                "backward came a second time to a graph that the first backward freed; "
                "call backward(retain_graph=True) the first time, or compute the result again"
            )
        for parent, derivative, _ in edges or ():
            if derivative is None or parent._edges is None:
                continue
            if id(parent) in uses:
                uses[id(parent)] += 1
            else:
                uses[id(parent)] = 1
                stack.append(parent)
    return uses


def fit(d: Any, like: Array, derivative: Derivative) -> Array:
    """What a derivative gave as an array of its parent's shape and dtype, or a sentence that says why it cannot be."""
    if d is None:
        raise TypeError(f"{name_of(derivative)}: a derivative gave None; it has to return the parent's gradient")
    d = np.asarray(d)
    fitted = sum_to_size(d, like.shape) if d.ndim >= like.ndim else d
    if fitted.shape != like.shape:
        raise ValueError(
            f"{name_of(derivative)}: a derivative gave a gradient of shape {d.shape} for a parent of shape {like.shape}"
        )
    return fitted if fitted.dtype == like.dtype else fitted.astype(like.dtype)


def refuse_if_needed(changed: "Tensor", edges: tuple[Edge, ...]) -> None:
    """Raise if one of these derivatives reads `changed`, whose numbers are no longer those of the forward pass."""
    for _, derivative, _ in edges:
        if derivative is not None and reads(derivative, changed):
            raise RuntimeError(
                f"{name_of(derivative)} needs the numbers of a tensor of shape {changed.shape} for its gradient, but "
                "they were changed in place after it had read them; change a copy, or change them after backward"
            )


def reads(holder: object, tensor: "Tensor") -> bool:
    """Whether a derivative (or something it closes over) holds the tensor or the memory of its numbers."""
    holder = getattr(holder, "__wrapped__", holder)
    if holder is tensor:
        return True
    if isinstance(holder, np.ndarray):
        return np.may_share_memory(holder, tensor._data)
    if isinstance(holder, FunctionType):
        cells = [cell.cell_contents for cell in holder.__closure__ or ()]
        return any(reads(value, tensor) for value in [*cells, *(holder.__defaults__ or ())])
    if isinstance(holder, tuple | list):
        return any(reads(value, tensor) for value in holder)
    data = getattr(holder, "_data", None)
    # A callable that is no plain function does not show what it holds: better to refuse than to be wrong.
    return reads(data, tensor) if data is not None else callable(holder) and not isinstance(holder, type)


def name_of(derivative: object) -> str:
    """The operation that a derivative belongs to: `softmax.<locals>.<lambda>` is softmax's."""
    return getattr(derivative, "__qualname__", type(derivative).__name__).split(".<locals>")[0]
