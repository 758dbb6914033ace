"""A summary of a model: for each layer the output shape, parameters, multiply-adds and receptive field.

The model is built and run on the meta device, where tensors have shapes and no numbers: the largest network takes no
memory and only a moment. Hooks say which module is at work; a dispatch mode sees every operation that it asks PyTorch
for.

The costs and receptive fields of single operations are in `flops.py`.
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from upslope.cards import Found, Input
from upslope.models.build import construct_size, size_of
from upslope.models.flops import WHOLE, Field, behind, multiply_adds, pair


@dataclass(frozen=True)
class Layer:
    """One module and what is inside it; `own_*` is what no child accounts for.

    A module without children is a layer for each of its calls: LeNet's one pooling stands behind both convolutions.
    Its parameters are those of the first, as a parameter that two modules share is the first one's.
    """

    path: str  # "" for the model itself
    kind: str
    output: tuple[int, ...] | None  # of one sample; None if it was never called
    parameters: int
    own_parameters: int
    multiply_adds: int  # for one sample
    own_multiply_adds: int
    sees: float | None  # pixels of the input on a side, or WHOLE; None if the model reads no picture
    changes_shape: bool
    holds_only: bool  # a sequence or a list of modules, which does nothing itself
    turn: float  # of its call among all calls
    children: tuple["Layer", ...] = ()  # in the order in which they are called

    @property
    def counts(self) -> bool:
        """Whether it does anything that a table of sizes can show."""
        return bool(self.parameters or self.multiply_adds or self.changes_shape)

    def widest_field(self) -> "Layer | None":
        """Of the layers that see only a part of the picture the one that sees most; None if all see all of it."""
        inside = [child.widest_field() for child in self.children] if self.children else [self]
        part = [one for one in inside if one and one.counts and one.sees not in (None, WHOLE)]
        return max(part, key=lambda one: one.sees or 0, default=None)

    def field_of_maps(self) -> float | None:
        """How far a place of the last maps sees, or WHOLE; what joins all places at the end, a head say, is left out.

        An attention or an excitation in the middle makes it WHOLE: the maps behind it know of every pixel.
        """
        inside = [child.field_of_maps() for child in self.children]
        own = self.sees if not self.children and self.output and len(self.output) > 1 else None
        places = math.prod(self.output[1:] if self.output and len(self.output) == 3 else (self.output or ())[:1])
        return max((one for one in (*inside, own if places > 1 else None) if one is not None), default=None)


def examine(found: Found, size: str) -> Layer:
    """The anatomy of one size of a card, at full size and without memory."""
    with torch.device("meta"):
        model = construct_size(found, size)
    return dissect(model, size_of(found, size).inputs)


def dissect(model: nn.Module, inputs: tuple[Input, ...]) -> Layer:
    """The anatomy of a model on the meta device, from one forward pass in evaluation mode."""
    samples = [torch.empty(1, *one.shape, dtype=getattr(torch, one.dtype), device="meta") for one in inputs]
    watch = _Watch(samples)
    handles = [handle for module in model.modules() for handle in watch.hook(module)]
    training = model.training
    model.eval()
    try:
        with torch.no_grad(), watch:
            model(*samples)
    finally:
        model.train(training)
        for handle in handles:
            handle.remove()
    return _layers("", model, watch)[0]


def _layers(path: str, module: nn.Module, watch: "_Watch") -> list[Layer]:
    """The layers of a module: one for each call, or one for all calls if it has children, or if there was none."""
    named = [(f"{path}.{name}" if path else name, child) for name, child in module.named_children()]
    below = [layer for name, child in named for layer in _layers(name, child, watch)]
    calls = watch.of(module)
    if not below and calls:
        return [_layer(path, module, [call], watch) for call in calls]
    return [_layer(path, module, calls, watch, tuple(sorted(below, key=lambda layer: layer.turn)))]


def _layer(
    path: str, module: nn.Module, calls: "list[_Call]", watch: "_Watch", children: tuple[Layer, ...] = ()
) -> Layer:
    last = calls[-1] if calls else _Call()
    own = sum(p.numel() for p in module.parameters(recurse=False) if watch.first(p))
    work = sum(call.multiply_adds for call in calls)
    return Layer(
        path=path,
        kind=_kind(module) + (f", {len(calls)} calls" if len(calls) > 1 else ""),
        output=last.output,
        parameters=own + sum(child.parameters for child in children),
        own_parameters=own,
        multiply_adds=work + sum(child.multiply_adds for child in children),
        own_multiply_adds=work,
        sees=last.sees,
        changes_shape=last.changes_shape,
        holds_only=type(module) in (nn.Sequential, nn.ModuleList, nn.ModuleDict),
        # A list of modules is never called, its members are.
        turn=min([call.turn for call in calls] or [child.turn for child in children], default=math.inf),
        children=children,
    )


def _kind(module: nn.Module) -> str:
    """The class, and for what slides over a picture also kernel and stride: Conv2d 3x3 /2."""
    name = type(module).__name__
    if not hasattr(module, "kernel_size") or not hasattr(module, "stride"):
        return name
    kernel, stride = pair(module.kernel_size), pair(module.stride)
    return f"{name} {kernel[0]}x{kernel[1]}" + (f" /{stride[0]}" if max(stride) > 1 else "")


@dataclass
class _Call:
    """What was noticed while a module was at work."""

    turn: float = math.inf
    output: tuple[int, ...] | None = None
    multiply_adds: int = 0  # its own, not a child's
    sees: float | None = None
    changes_shape: bool = False


class _Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Sees every operation of a forward pass, and on whose behalf it is done."""

    def __init__(self, samples: list[Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._calls: dict[nn.Module, list[_Call]] = {}
        self._turn = 0
        self._at_work: list[_Call] = []
        self._owned: set[nn.Parameter] = set()
        self._fields: dict[int, Field] = {}
        self._alive: list[Tensor] = []  # so that no id is given twice
        for sample in samples:
            if sample.ndim == 4:
                self._note(sample, Field(1, 1, sample.shape[2] * sample.shape[3]))

    def of(self, module: nn.Module) -> list[_Call]:
        """The calls of a module."""
        return self._calls.setdefault(module, [])

    def first(self, parameter: nn.Parameter) -> bool:
        """Whether nobody has asked about this parameter before."""
        known = len(self._owned)
        self._owned.add(parameter)
        return len(self._owned) > known

    def hook(self, module: nn.Module) -> tuple[Any, Any]:
        """Hooks by which a module says when it is at work."""

        def before(module: nn.Module, args: tuple[object, ...]) -> None:
            self._at_work.append(_Call(turn=self._turn))
            self._turn += 1
            self.of(module).append(self._at_work[-1])

        def after(module: nn.Module, args: tuple[object, ...], output: object) -> None:
            call = self._at_work.pop()
            given = next((a for a in tree_leaves(args) if isinstance(a, Tensor)), None)
            taken = next((a for a in tree_leaves(output) if isinstance(a, Tensor)), None)
            if taken is not None:
                call.output = tuple(taken.shape[1:])
                call.changes_shape = given is None or given.shape != taken.shape
                there = self._fields.get(id(taken))
                call.sees = there.size if there else None

        return module.register_forward_pre_hook(before), module.register_forward_hook(after)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        tensors = [a for a in tree_leaves((args, kwargs)) if isinstance(a, Tensor)]
        results = [a for a in tree_leaves(out) if isinstance(a, Tensor)]
        if results:
            if self._at_work:
                self._at_work[-1].multiply_adds += multiply_adds(name, args, results[0])
            known = [self._fields[id(t)] for t in tensors if id(t) in self._fields]
            if known:
                widest = Field(max(f.size for f in known), max(f.jump for f in known), max(f.places for f in known))
                joined = sum(id(t) in self._fields for t in tensors)
                for result in results:
                    self._note(result, behind(name, args, result, widest, joined=joined))
        return out

    def _note(self, tensor: Tensor, there: Field) -> None:
        self._fields[id(tensor)] = there
        self._alive.append(tensor)
