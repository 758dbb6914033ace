"""Detecting that an answer changed the program around it: `numpy.allclose`, `Tensor.__eq__`, the checks themselves.

The learner's code runs in the same interpreter as the comparisons that judge it. Before its first line runs, and again
when everything is loaded, the attributes of all loaded modules, and of the classes and functions that checks rely on,
are recorded; after every check they are compared, by identity. An answer defines one function or class: whatever else
is different afterwards, it replaced. What checks never touch (the compiler inside PyTorch, say) is compared once, at
the end.
"""

import builtins
import operator
import sys
from collections.abc import Iterable
from types import FunctionType, MappingProxyType, ModuleType, SimpleNamespace
from typing import Any

from upslope.academy.grading.integrity.impostor_types import written_in

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
# Of PyTorch, what forward, backward and optimizers are made of: the classes count as well.
_TORCH = ("torch.nn", "torch.optim", "torch.autograd", "torch._tensor", "torch.func", "torch.random", "torch.overrides")
_BUILTINS = frozenset(dir(builtins))
_IMMUTABLE = 1 << 8  # among a type's flags: Python itself refuses every change of its attributes
_GONE = object()

Names = dict[str, Any] | MappingProxyType[str, Any]


# The names of a module or class at one moment: name, living, copy; loading: whether its own code still fills it, so new
# names mean nothing; owner: the class, if it is one. A class of ours for this could be found and changed.
_Held = SimpleNamespace


class Snapshot:
    """What the loaded modules held at one moment."""

    def __init__(
        self,
        learner: tuple[str, ...] = (),
        asked: tuple[str, ...] = (),
        made: tuple[str, ...] = (),
        *,
        base: "Snapshot | None" = None,
    ) -> None:
        """`base`: what was written down when nobody waited, of modules that are the same for every job."""
        # The learner's files, what they were asked to define, and all that they define, with the module it goes to.
        self._learner, self._asked, self._made = learner, frozenset(asked), frozenset(made)
        self._near: dict[object, _Held] = dict(base._near) if base else {}
        self._far: dict[object, _Held] = dict(base._far) if base else {}
        self._functions: list[tuple[str, FunctionType, tuple[Any, ...], dict[str, Any]]] = []
        self._modules = sys.modules
        self._lists = [(f"sys.{name}", getattr(sys, name), list(getattr(sys, name))) for name in _LISTS_OF_SYS]

    def renew(self, names: Iterable[str]) -> None:
        """Write these modules down anew: they were rightly changed."""
        for name in names:
            for held in (self._near, self._far):
                held.pop(id(vars(sys.modules[name])), None)
            self._take(name, sys.modules[name])

    def extend(self, *, without: tuple[str, ...] = ()) -> None:
        """Write down what is loaded by now and was not before; and anew what was still being loaded then.

        `without`: packages to leave out.
        """
        for name, module in list(sys.modules.items()):
            if type(module) is ModuleType and name.partition(".")[0] not in without:
                self._take(name, module)

    def difference(self, *, everywhere: bool = True) -> str | None:
        """The dotted name of what was replaced, removed, or put in front of something since; None if nothing was.

        Not `everywhere`: only in what checks lean on, which takes a tenth of the time where PyTorch is loaded.
        """
        if sys.modules is not self._modules:
            return "sys.modules"
        for name, living, copy in self._lists:
            if getattr(sys, name[4:]) is not living or len(living) != len(copy) or not _same(living, copy):
                return name
        for place in (self._near, self._far) if everywhere else (self._near,):
            for held in place.values():
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
        ours, torchs = name.startswith(_OURS), name == "torch" or name.startswith(_TORCH)
        near = ours or torchs or name.partition(".")[0] in sys.stdlib_module_names
        loading = bool(getattr(getattr(module, "__spec__", None), "_initializing", False))
        if not self._hold(name, vars(module), loading, near) or not (ours or torchs):
            return
        for key, value in list(vars(module).items()):
            kind = type(value)
            if not (issubclass(kind, type) or kind is FunctionType) or value.__module__ != name:
                continue
            if f"{name}.{key}" in self._made and f"{name}.{key}" not in self._near:
                continue  # what the learner made, the learner may change
            if kind is FunctionType:
                self._hold_function(f"{name}.{key}", value)
            elif (
                not value.__flags__ & _IMMUTABLE
                and self._hold(f"{name}.{key}", vars(value), loading, near, value)
                and ours
            ):
                for attribute, method in vars(value).items():
                    if type(method) is FunctionType:
                        self._hold_function(f"{name}.{key}.{attribute}", method)

    def _hold(self, name: str, living: Names, loading: bool, near: bool, owner: type | None = None) -> bool:
        """Write a namespace down, if it is new or was not complete; whether it was."""
        # A class hands out a new view of its names every time, so the name tells which one it is.
        key = name if isinstance(living, MappingProxyType) else id(living)
        place = self._near if near else self._far
        before = place.get(key)
        if before is not None and not before.loading:
            return False
        place[key] = _Held(name=name, living=living, copy=dict(living), loading=loading, owner=owner)
        return True

    def _hold_function(self, name: str, function: FunctionType) -> None:
        if name.startswith("upslope."):
            parts = (function.__code__, function.__defaults__)
            self._functions.append((name, function, parts, dict(function.__kwdefaults__ or {})))

    def _changed(self, held: _Held) -> str | None:
        name, living, copy, owner = held.name, held.living, held.copy, held.owner
        everything = name.startswith(_OURS)
        for key, value in copy.items():
            if key in _EVERYDAY or (name == "sys" and key in _STREAMS) or living.get(key, _GONE) is value:
                continue
            if held.loading and value is None:
                continue
            if everything or callable(value) or type(value) is ModuleType or (owner and _binds(value)):
                return f"{name}.{key}"
        for key in living.keys() - copy.keys():
            if key in _EVERYDAY:
                continue
            if held.loading:
                # The module's own code adds names too; a method from a learner's file is not among them.
                written = written_in(self._learner, living[key]) if owner else ()
                if any(function.__name__ not in self._asked for function in written):
                    return f"{name}.{key}"
            # A new name matters where it stands in front of a builtin or of what a class inherits, or gives it manners.
            elif key in _BUILTINS or name == "builtins" or (owner and _in_front(owner, key, living[key])):
                return f"{name}.{key}"
        return None


def _in_front(owner: type, key: str, value: object) -> bool:
    """Whether a new attribute makes objects behave otherwise: `__eq__` does, a note such as `__doc__` does not."""
    if key.startswith("__"):
        return callable(value) or _binds(value)
    return any(key in vars(base) for base in type.mro(owner)[1:])


def _binds(value: object) -> bool:
    return hasattr(type(value), "__get__")


def _same(left: Any, right: Any) -> bool:
    """Whether two equally long sequences hold the very same objects in the same order."""
    return all(map(operator.is_, left, right))
