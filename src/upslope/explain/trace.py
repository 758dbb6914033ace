"""What happens to a picture on its way through a network: every map that is computed, in order.

Nothing in a network has to change, and no layer has to be a module: PyTorch tells a TorchFunctionMode of each call of
its functions, F.relu(x, inplace=True) like a convolution. Each result is copied before the next call can change it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from upslope.blocks.transformer import EncoderBlock

_NAMES: dict[Any, tuple[str, str]] = {  # function -> (kind, name)
    F.conv2d: ("convolution", "convolution"),
    F.max_pool2d: ("pooling", "max pooling"),
    F.avg_pool2d: ("pooling", "average pooling"),
    F.adaptive_avg_pool2d: ("pooling", "average pooling"),
    F.batch_norm: ("norm", "batch norm"),
    F.local_response_norm: ("norm", "local response normalization"),
    F.relu: ("activation", "ReLU"),
    torch.relu: ("activation", "ReLU"),
    Tensor.relu: ("activation", "ReLU"),
    F.silu: ("activation", "SiLU"),
    F.gelu: ("activation", "GELU"),
    torch.tanh: ("activation", "tanh"),
    torch.cat: ("join", "side by side"),
    Tensor.add: ("sum", "sum"),
    Tensor.__add__: ("sum", "sum"),
    Tensor.mul: ("scale", "scaled"),
    Tensor.__mul__: ("scale", "scaled"),
    F.linear: ("linear", "linear layer"),
}
_GLOBAL = (Tensor.mean, torch.mean)


@dataclass(frozen=True)
class Call:
    """One function of a forward pass."""

    kind: str  # convolution, pooling, norm, activation, join, sum, scale, linear; block, of a Transformer
    name: str  # in words: "max pooling", "ReLU"
    module: str  # whose weights it has: "stages.0.conv1"; "" where it has none
    given: Tensor  # (B, ...), what it took
    output: Tensor
    settings: dict[str, Any]  # of a convolution weight, bias, stride ...; of a pooling kernel, stride ...


@torch.no_grad()
def recorded(model: nn.Module, x: Tensor) -> list[Call]:
    """The calls of one forward pass, those that a person would name; encoder blocks are calls as well."""
    names = {id(parameter): name.rpartition(".")[0] for name, parameter in model.named_parameters()}
    recorder = _Recorder(names)
    handles = []
    for name, module in model.named_modules():
        if isinstance(module, EncoderBlock):

            def note(module: nn.Module, given: Any, output: Tensor, name: str = name) -> None:
                recorder.calls.append(Call("block", "encoder block", name, given[0].clone(), output.clone(), {}))

            handles.append(module.register_forward_hook(note))
    try:
        with recorder:
            model(x)
    finally:
        for handle in handles:
            handle.remove()
    return recorder.calls


@torch.no_grad()
def features(model: nn.Module, x: Tensor) -> Tensor:
    """What the last linear layer looks at, (B, D): a picture in the network's own terms."""
    with _last_linear() as given:
        model(x)
    if not given:
        raise ValueError("the network has no linear layer over one vector for each picture")
    return given[-1]


class _Recorder(TorchFunctionMode):
    def __init__(self, names: dict[int, str]) -> None:
        super().__init__()
        self.names, self.calls = names, list[Call]()

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        kind, name = _NAMES.get(func, ("", ""))
        if func in _GLOBAL and _over_places(*args, **kwargs):
            kind, name = "pooling", "global average pooling"
        if not kind:
            return func(*args, **kwargs)
        first = _first(args, kwargs)
        given = first.clone() if first is not None else None  # an in-place function would change it
        result = func(*args, **kwargs)
        if given is not None and isinstance(result, Tensor):
            settings = _settings(func, *args, **kwargs)
            weight = settings.get("weight", args[1] if kind == "linear" and len(args) > 1 else None)
            self.calls.append(Call(kind, name, self.names.get(id(weight), ""), given, result.clone(), settings))
        return result


def _first(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor | None:
    value = args[0] if args else kwargs.get("input")
    value = value[0] if isinstance(value, list | tuple) and value else value
    return value if isinstance(value, Tensor) else None


def _over_places(x: Any, dim: Any = None, *rest: Any, **kwargs: Any) -> bool:
    return isinstance(x, Tensor) and x.ndim == 4 and dim in ((2, 3), [2, 3], (-2, -1), [-2, -1])


def _settings(func: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
    """Of a convolution and of a pooling what its windows are; of anything else nothing."""
    if func is F.conv2d:
        return _convolution(*args, **kwargs)
    if func is F.max_pool2d:
        return {"how": "max", **_window(*args, **kwargs)}
    if func is F.avg_pool2d:
        return {"how": "mean", **_averages(*args, **kwargs)}
    if func in _GLOBAL and isinstance(args[0], Tensor) and args[0].ndim == 4:
        size = tuple(args[0].shape[2:])
        return {"how": "mean", "kernel": size, "stride": size, "padding": (0, 0), "dilation": (1, 1)}
    return {}


def _convolution(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> dict[str, Any]:
    return {
        "weight": weight,
        "bias": bias,
        "kernel": tuple(weight.shape[2:]),
        "stride": _pair(stride),
        "padding": _pair(padding),
        "dilation": _pair(dilation),
        "groups": groups,
    }


def _window(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, **rest: Any
) -> dict[str, Any]:
    return {
        "kernel": _pair(kernel_size),
        "stride": _pair(kernel_size if stride is None else stride),
        "padding": _pair(padding),
        "dilation": _pair(dilation),
    }


def _averages(input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, *rest: Any, **more: Any) -> Any:
    return _window(input, kernel_size, stride or None, padding)


def _pair(value: Any) -> tuple[int, int]:
    return (int(value), int(value)) if isinstance(value, int) else (int(value[0]), int(value[1]))


class _Linear(TorchFunctionMode):
    def __init__(self) -> None:
        super().__init__()
        self.given: list[Tensor] = []

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is F.linear and args[0].ndim == 2:
            self.given[:] = [args[0]]
        return func(*args, **(kwargs or {}))


@contextmanager
def _last_linear() -> Iterator[list[Tensor]]:
    with _Linear() as mode:
        yield mode.given
