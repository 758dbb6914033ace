"""Containers: parts in a row, run one after the other (Sequential) or held for a forward of one's own (ModuleList).

A plain Python list holds layers as well, but a module does not look into it: they would have no parameters, no names in
the state dict, and would not hear of train() and eval().
"""

from collections.abc import Iterable, Iterator
from typing import Any, Self

from upslope.scratch.nn.module import Module


class ModuleList(Module):
    """A list of parts: `self.layers = ModuleList(Linear(8, 8) for _ in range(3))`, then `for layer in self.layers:`.

    In the state dict they are numbered, as in PyTorch: "layers.0.weight". It has no forward: write how the parts are
    used in the module that owns the list.
    """

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        self.extend(modules)

    def append(self, module: Module) -> Self:
        """One more part at the end."""
        if not isinstance(module, Module):
            raise TypeError(f"{type(self).__name__} holds modules, got {type(module).__name__}")
        setattr(self, str(len(self)), module)
        return self

    def extend(self, modules: Iterable[Module]) -> Self:
        """More parts at the end."""
        if not isinstance(modules, Iterable):
            raise TypeError(f"{type(self).__name__} is made of a list of modules, got {type(modules).__name__}")
        for module in list(modules):
            self.append(module)
        return self

    def insert(self, index: int, module: Module) -> None:
        """One more part in front of number `index`; those behind it are numbered anew."""
        parts = list(self)
        parts.insert(index, module)
        for name, _ in list(self.named_children()):
            delattr(self, name)
        self.extend(parts)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __iter__(self) -> Iterator[Module]:
        return iter([part for _, part in self.named_children()])

    def __getitem__(self, index: Any) -> Any:
        found = list(self)[index]
        return type(self)(found) if isinstance(found, list) else found

    def __setitem__(self, index: int, module: Module) -> None:
        setattr(self, str(range(len(self))[index]), module)


class Sequential(ModuleList):
    """Parts that run one after the other, each on the result of the one before."""

    def __init__(self, *parts: Module) -> None:
        super().__init__(parts)

    def __getitem__(self, index: Any) -> Any:
        found = list(self)[index]
        return Sequential(*found) if isinstance(found, list) else found

    def forward(self, x: Any) -> Any:
        for part in self:
            x = part(x)
        return x
