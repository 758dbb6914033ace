"""Copies of the checks that an answer cannot reach: what it patches for a moment and puts back is not what judges it.

The snapshot (tamper.py) finds what is different after a check. An answer that runs inside a check could replace a
comparison until it is called and restore it then, and nothing would be different. So the functions that run are copies
with namespaces of their own: the functions of the checks point at each other's copies, the modules they use (NumPy, a
SciPy oracle) are copies of the namespaces they had, and the builtins are the ones of before. No name leads to them.
What is under test, the library's own modules and classes, stays what it is.
"""

import builtins
from types import FunctionType, ModuleType
from typing import Any

_CHECKS, _LIBRARY = "upslope.checks", "upslope"
_DEEP = 2  # numpy, numpy.linalg: as far as a check's own expressions reach


def sealed(module: ModuleType) -> dict[str, Any]:
    """The namespace of a checks module, with a copy of every function and module in it."""
    return _Copies().namespace(vars(module))


class _Copies:
    def __init__(self) -> None:
        self.builtins = dict(vars(builtins))
        self.made: dict[int, Any] = {}  # by the identity of the original

    def namespace(self, original: dict[str, Any]) -> dict[str, Any]:
        known: dict[str, Any] | None = self.made.get(id(original))
        if known is not None:
            return known
        copy: dict[str, Any] = {"__builtins__": self.builtins}  # first: a function takes them when it is made
        self.made[id(original)] = copy
        for name, value in original.items():
            if name == "__builtins__":
                continue
            if type(value) is FunctionType and (value.__module__ or "").startswith(_CHECKS):
                copy[name] = self.function(value)
            elif type(value) is ModuleType and not value.__name__.startswith(_LIBRARY):
                copy[name] = self.module(value, _DEEP)
            elif type(value) is ModuleType and value.__name__.startswith(_CHECKS):
                copy[name] = self.checks_module(value)
            else:
                copy[name] = value
        return copy

    def function(self, original: FunctionType) -> FunctionType:
        space = self.namespace(original.__globals__)
        known: FunctionType | None = self.made.get(id(original))  # its own namespace may have held it
        if known is None:
            known = FunctionType(
                original.__code__, space, original.__name__, original.__defaults__, original.__closure__
            )
            known.__kwdefaults__ = dict(original.__kwdefaults__) if original.__kwdefaults__ else None
            self.made[id(original)] = known
        return known

    def module(self, original: ModuleType, depth: int) -> ModuleType:
        known: ModuleType | None = self.made.get(id(original))
        if known is not None:
            return known
        copy = ModuleType(original.__name__)
        self.made[id(original)] = copy
        package = original.__name__.partition(".")[0] + "."
        for name, value in list(vars(original).items()):
            if depth and type(value) is ModuleType and value.__name__.startswith(package):
                value = self.module(value, depth - 1)
            vars(copy)[name] = value
        return copy

    def checks_module(self, original: ModuleType) -> ModuleType:
        copy = ModuleType(original.__name__)
        vars(copy).update(self.namespace(vars(original)))
        return copy
