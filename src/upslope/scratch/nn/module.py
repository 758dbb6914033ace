"""Module: a part of a network that owns what it learns, and the parts that it is made of."""

import warnings
from collections.abc import Iterator, Mapping
from typing import Any, Self

import numpy as np

from upslope.scratch.tape import Array
from upslope.scratch.tensor import Tensor


class Parameter(Tensor):
    """A tensor that a module learns: it requires gradients and is found by `module.parameters()`."""

    __slots__ = ()

    def __init__(self, data: Any) -> None:
        super().__init__(data, requires_grad=True)


class Module:
    """A part of a network. A subclass sets its parameters and parts as attributes and writes `forward`.

    An attribute that is a Parameter is learned; one that is another Tensor is a buffer, kept in the state dict but not
    learned; one that is a Module is a part. Names of nested ones are joined by dots: "conv1.weight", "0.bias". Lists,
    tuples and dicts are not looked into, as in PyTorch, but a warning names one that hides a module: use ModuleList.
    """

    training: bool = True

    def forward(self, *inputs: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no forward")

    def __call__(self, *inputs: Any) -> Any:
        return self.forward(*inputs)

    def named_children(self) -> Iterator[tuple[str, "Module"]]:
        """The parts with their attribute names, in the order in which they were set."""
        for name, value in vars(self).items():
            if isinstance(value, Module):
                yield name, value

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, "Module"]]:
        """This module and all parts below it, with their dotted names."""
        yield prefix, self
        for name, child in self.named_children():
            yield from child.named_modules(f"{prefix}.{name}" if prefix else name)

    def modules(self) -> Iterator["Module"]:
        """This module and all parts below it."""
        return (module for _, module in self.named_modules())

    def named_tensors(self) -> Iterator[tuple[str, Tensor]]:
        """All parameters and buffers with their dotted names, each tensor once."""
        warn_of_hidden(self)
        seen: set[int] = set()
        for prefix, module in self.named_modules():
            for name, value in vars(module).items():
                if isinstance(value, Tensor) and id(value) not in seen:
                    seen.add(id(value))
                    yield (f"{prefix}.{name}" if prefix else name), value

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """All that is learned, with dotted names."""
        return ((name, value) for name, value in self.named_tensors() if isinstance(value, Parameter))

    def parameters(self) -> Iterator[Parameter]:
        """All that is learned."""
        return (value for _, value in self.named_parameters())

    def zero_grad(self) -> None:
        """Forget the gradients of the last step."""
        for parameter in self.parameters():
            parameter.grad = None

    def state_dict(self) -> dict[str, Array]:
        """The arrays of all parameters and buffers by name: shared with the module, not copied."""
        return {name: value.data for name, value in self.named_tensors()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Copy arrays saved by `state_dict` into this module; names and shapes must match exactly."""
        own = dict(self.named_tensors())
        missing, unknown = sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys())
        if missing or unknown:
            raise KeyError(f"the state dict lacks {missing or 'nothing'} and has unknown {unknown or 'nothing'}")
        arrays = {name: np.asarray(value) for name, value in state.items()}
        for name, tensor in own.items():
            if arrays[name].shape != tensor.shape:
                raise ValueError(f"{name} has shape {tensor.shape}, the state dict holds {arrays[name].shape}")
        for name, tensor in own.items():
            tensor.data = arrays[name].astype(tensor.dtype)

    def to(self, dtype: Any) -> Self:
        """All floating-point parameters and buffers in another dtype."""
        for _, tensor in self.named_tensors():
            if tensor.dtype.kind == "f":
                tensor.data = tensor.data.astype(dtype)
                tensor.grad = None
        return self

    def double(self) -> Self:
        """All floating-point parameters and buffers in float64, for checking gradients."""
        return self.to(np.float64)

    def train(self, mode: bool = True) -> Self:
        """Tell this module and its parts that they are being trained: dropout drops, batch norm looks at its batch."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Tell this module and its parts that they are being used, not trained."""
        return self.train(False)

    def extra_repr(self) -> str:
        """What stands in the brackets after the module's name: the shapes of what it learns itself."""
        return ", ".join(f"{name} {value.shape}" for name, value in vars(self).items() if isinstance(value, Parameter))

    def __repr__(self) -> str:
        parts = [f"({name}): {child!r}".replace("\n", "\n  ") for name, child in self.named_children()]
        inside = "\n  ".join(parts)
        return f"{type(self).__name__}({self.extra_repr()}" + (f"\n  {inside}\n)" if parts else ")")


def warn_of_hidden(root: Module) -> None:
    """Warn of modules and parameters in plain lists, tuples and dicts that nothing else leads to."""
    known = {id(value) for module in root.modules() for value in (module, *vars(module).values())}
    for prefix, module in root.named_modules():
        for name, value in vars(module).items():
            if not isinstance(value, list | tuple | dict):
                continue
            for part in value.values() if isinstance(value, dict) else value:
                if isinstance(part, Module | Parameter) and id(part) not in known:
                    where = f"{type(root).__name__}.{prefix}.{name}" if prefix else f"{type(root).__name__}.{name}"
                    instead = "write ModuleList([...])" if isinstance(part, Module) else "set each as an attribute"
                    warnings.warn(
                        f"{where} is a plain {type(value).__name__} that holds a {type(part).__name__}, which "
                        f"parameters(), state_dict() and train() do not see: {instead}",
                        stacklevel=2,
                    )
                    break
