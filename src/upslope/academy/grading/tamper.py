"""Noticing that an answer changed the program around it: `numpy.allclose`, `Tensor.__eq__`, the checks themselves.

The learner's code runs in the same interpreter as the comparisons that judge it. Before its first line runs, and again
when everything is loaded, the attributes of all loaded modules, and of the classes and functions of ours, are written
down; after every check they are compared, by identity. An answer defines one function or class: whatever else is
different afterwards, it replaced.
"""

import builtins
import operator
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from types import FunctionType, MappingProxyType, ModuleType
from typing import Any

# The functions below keep the builtins of this moment, whatever the learner's code does to the module later.
globals()["__builtins__"] = dict(vars(builtins))

# Attributes that change in the ordinary course of things.
_EVERYDAY = frozenset(
    {"__warningregistry__", "__getattr__", "__annotations__", "__annotate__", "__conditional_annotations__"}
)
_STREAMS = frozenset({"stdin", "stdout", "stderr", "last_exc", "last_type", "last_value", "last_traceback"})
_LISTS_OF_SYS = ("meta_path", "path_hooks", "path")
# In these every attribute counts; elsewhere the ones that are functions, classes or modules.
_OURS = ("upslope.", "numpy", "scipy.", "math", "builtins")
_BUILTINS = frozenset(dir(builtins))
_GONE = object()

Names = dict[str, Any] | MappingProxyType[str, Any]


@dataclass(frozen=True)
class _Held:
    """The names of a module or class at one moment."""

    name: str
    living: Names
    copy: dict[str, Any]
    loading: bool  # still being filled by its own code: new names mean nothing then


class Snapshot:
    """What the loaded modules held at one moment."""

    def __init__(self, learner: tuple[str, ...], asked: tuple[str, ...], made: tuple[str, ...]) -> None:
        # The learner's files, what they were asked to define, and all that they define, with the module it goes to.
        self._learner, self._asked, self._made = learner, frozenset(asked), frozenset(made)
        self._held: dict[object, _Held] = {}
        self._functions: list[tuple[str, FunctionType, tuple[Any, ...], dict[str, Any]]] = []
        self._modules = sys.modules
        self._lists = [(f"sys.{name}", getattr(sys, name), list(getattr(sys, name))) for name in _LISTS_OF_SYS]

    def extend(self) -> None:
        """Write down what is loaded by now and was not before; and anew what was still being loaded then."""
        for name, module in list(sys.modules.items()):
            if type(module) is ModuleType:
                self._take(name, module)

    def difference(self) -> str | None:
        """The dotted name of what was replaced, removed, or put in front of a builtin since; None if nothing was."""
        if sys.modules is not self._modules:
            return "sys.modules"
        for name, living, copy in self._lists:
            if getattr(sys, name[4:]) is not living or len(living) != len(copy) or not _same(living, copy):
                return name
        for held in self._held.values():
            if len(held.living) != len(held.copy) or not _same(held.living.values(), held.copy.values()):
                changed = self._changed(held)
                if changed:
                    return changed
        for name, function, parts, keywords in self._functions:
            if not _same((function.__code__, function.__defaults__), parts):
                return name
            if (function.__kwdefaults__ or {}) != keywords:
                return name
        return None

    def _take(self, name: str, module: ModuleType) -> None:
        loading = bool(getattr(getattr(module, "__spec__", None), "_initializing", False))
        if not self._hold(name, vars(module), loading) or not name.startswith(_OURS):
            return
        for key, value in list(vars(module).items()):
            if getattr(value, "__module__", None) != name:
                continue
            if f"{name}.{key}" in self._made and f"{name}.{key}" not in self._held:
                continue  # what the learner made, the learner may change
            if type(value) is FunctionType:
                self._hold_function(f"{name}.{key}", value)
            elif isinstance(value, type) and self._hold(f"{name}.{key}", vars(value), loading):
                for attribute, method in vars(value).items():
                    if type(method) is FunctionType:
                        self._hold_function(f"{name}.{key}.{attribute}", method)

    def _hold(self, name: str, living: Names, loading: bool) -> bool:
        """Write a namespace down, if it is new or was not complete; whether it was."""
        # A class hands out a new view of its names every time, so the name tells which one it is.
        key = name if isinstance(living, MappingProxyType) else id(living)
        before = self._held.get(key)
        if before is not None and not before.loading:
            return False
        self._held[key] = _Held(name, living, dict(living), loading)
        return True

    def _hold_function(self, name: str, function: FunctionType) -> None:
        if name.startswith("upslope."):
            parts = (function.__code__, function.__defaults__)
            self._functions.append((name, function, parts, dict(function.__kwdefaults__ or {})))

    def _changed(self, held: _Held) -> str | None:
        name, living, copy = held.name, held.living, held.copy
        everything = name.startswith(_OURS)
        for key, value in copy.items():
            if key in _EVERYDAY or (name == "sys" and key in _STREAMS) or living.get(key, _GONE) is value:
                continue
            if held.loading and value is None:
                continue
            if everything or callable(value) or type(value) is ModuleType:
                return f"{name}.{key}"
        is_class = isinstance(living, MappingProxyType)
        for key in living.keys() - copy.keys():
            if key in _EVERYDAY:
                continue
            if held.loading:
                # The module's own code adds names too; a method from a learner's file is not among them.
                written = _written_in(self._learner, living[key]) if is_class else ()
                if any(function.__name__ not in self._asked for function in written):
                    return f"{name}.{key}"
            # A new name matters where it stands in front of a builtin, or gives a class new manners.
            elif key in _BUILTINS or name == "builtins" or (is_class and _is_manner(key, living[key])):
                return f"{name}.{key}"
        return None


def _is_manner(key: str, value: object) -> bool:
    """Whether an attribute makes objects behave otherwise: `__eq__` does, a note such as `__doc__` does not."""
    return key.startswith("__") and (callable(value) or hasattr(value, "__get__"))


def _same(left: Any, right: Any) -> bool:
    """Whether two equally long sequences hold the very same objects in the same order."""
    return all(map(operator.is_, left, right))


def own_kind_of_number(learner: tuple[str, ...]) -> str | None:
    """The name of a class, written in a learner's file, that poses as a number, an array or a tensor; None without one.

    Such a class can claim to equal anything. What an exercise asks for never needs one.
    """
    numpy = sys.modules["numpy"]
    kinds: list[type] = [int, float, complex, numpy.ndarray, numpy.generic]
    for module_name, cls in (("tensor", "Tensor"), ("scalar", "Value")):
        module = sys.modules.get(f"upslope.scratch.{module_name}")
        if hasattr(module, cls):
            kinds.append(getattr(module, cls))
    seen: set[int] = set()
    for kind in kinds:
        below: list[type] = type.__subclasses__(kind)
        for made in below:
            if id(made) not in seen:
                seen.add(id(made))
                kinds.append(made)
                if any(any(_written_in(learner, part)) for part in list(vars(made).values())):
                    return str(made.__name__)
    return None


def _written_in(learner: tuple[str, ...], part: object) -> Iterator[FunctionType]:
    """The functions in an attribute of a class whose text stands in a learner's file."""
    for function in (part, getattr(part, "fget", None), getattr(part, "__func__", None)):
        if type(function) is FunctionType and function.__code__.co_filename in learner:
            yield function
