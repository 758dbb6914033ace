"""Copies of functions that an answer cannot reach: patching the originals for a moment does not affect the grading.

The snapshot (module_snapshot.py) finds what is different after a check. An answer that runs inside a check could
replace a comparison until it is called and restore it then, and nothing would be different. So the functions that run
are copies with namespaces of their own: the functions of the checks point at each other's copies, the modules they use
(NumPy, a SciPy oracle) are copies of the namespaces they had, and the builtins are the ones of before. No name leads to
them. What is under test, the library's own modules and classes, stays what it is.

The grader's own functions run as such copies, too, and its objects as twins: every class of a process can be found by
asking `object` for its subclasses, and changed; such a twin has the same methods but none of our classes.

Copying the modules of PyTorch takes a while, so the grading child's server does that once, for all jobs.
"""

import builtins
import contextlib
import sys
from functools import partial
from types import CellType, FunctionType, ModuleType, SimpleNamespace
from typing import Any

CHECKS, GRADER, _LIBRARY = "upslope.checks", "upslope.academy.grading", "upslope"
_DEEP = 2  # numpy, numpy.linalg: as far as a check's own expressions reach


def sealed(module: ModuleType, ready: "Copies | None" = None) -> dict[str, Any]:
    """The namespace of a checks module, with a copy of every function and module in it.

    `ready`: copies of the modules around it that were made before.
    """
    return Copies(ready).namespace(vars(module))


def copies_of_libraries() -> "Copies":
    """Copies of all installed libraries that are loaded: what checks may use, as it is now."""
    copies = Copies()
    for name, module in list(sys.modules.items()):
        outside = name != _LIBRARY and name not in sys.stdlib_module_names and name != "__main__"
        if type(module) is ModuleType and "." not in name and outside:
            copies.module(module, _DEEP)
    return copies


class Copies:
    """Copies by the identity of what they were made from; of the functions of one package, and what they use."""

    def __init__(self, ready: "Copies | None" = None, *, of: str = CHECKS) -> None:
        self.of = of
        self.builtins = dict(vars(builtins))
        self.mismatch: Any = None
        self.noted: list[BaseException] = []  # every demand that did not hold, whoever catches the error afterwards
        self.made: dict[int, Any] = dict(ready.made) if ready else {}

    def namespace(self, original: dict[str, Any]) -> dict[str, Any]:
        known: dict[str, Any] | None = self.made.get(id(original))
        if known is not None:
            return known
        copy: dict[str, Any] = {"__builtins__": self.builtins}  # first: a function takes them when it is made
        self.made[id(original)] = copy
        for name, value in original.items():
            if name == "__builtins__":
                continue
            if type(value) is ModuleType and value is not sys and not value.__name__.startswith(_LIBRARY):
                copy[name] = self.module(value, _DEEP)
            elif type(value) is ModuleType and value.__name__.startswith(self.of):
                copy[name] = self.checks_module(value)
            elif name == "Mismatch" and isinstance(value, type):
                self.mismatch = value
                copy[name] = self.note
            else:
                copy[name] = self.value(value)
        return copy

    def value(self, original: Any) -> Any:
        """A copy of what could be changed in place: tables of cases, expected numbers, checks among them."""
        known = self.made.get(id(original))
        if known is not None:
            return known
        kind = type(original)
        copy: Any = original
        if kind is FunctionType and (original.__module__ or "").startswith(self.of):
            copy = self.function(original)
        elif kind is partial:
            copy = partial(self.value(original.func), *map(self.value, original.args), **self.value(original.keywords))
        elif kind is dict:
            copy = {key: self.value(value) for key, value in original.items()}
        elif kind in (list, tuple, set):
            copy = kind(map(self.value, original))
        elif kind.__module__ == "numpy" and kind.__name__ == "ndarray":
            copy = original.copy()
        self.made[id(original)] = copy
        return copy

    def function(self, original: FunctionType) -> FunctionType:
        space = self.namespace(original.__globals__)
        known: FunctionType | None = self.made.get(id(original))  # its own namespace may have held it
        if known is None:
            # Cells of its own as well; what they hold comes after, since a function may hold itself.
            cells = tuple(CellType() for _ in original.__closure__ or ())
            known = FunctionType(original.__code__, space, original.__name__, None, cells or None)
            self.made[id(original)] = known
            known.__defaults__ = self.value(original.__defaults__)
            known.__kwdefaults__ = self.value(original.__kwdefaults__)
            for cell, held in zip(cells, original.__closure__ or (), strict=True):
                with contextlib.suppress(ValueError):  # an empty one stays so
                    cell.cell_contents = self.value(held.cell_contents)
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

    def note(self, *args: Any, **more: Any) -> BaseException:
        """Make the error of a demand that does not hold, and keep it in mind."""
        error: BaseException = self.mismatch(*args, **more)
        self.noted.append(error)
        return error

    def twin(self, original: Any) -> Any:
        """An object with the same attributes, and methods that are copies; of its parts, those that are ours, twins."""
        twin = SimpleNamespace()
        for name, value in vars(type(original)).items():
            if type(value) is FunctionType:
                setattr(twin, name, partial(self.function(value), twin))
        for name, value in vars(original).items():
            ours = type(value).__module__.startswith(self.of) and not isinstance(value, type)
            setattr(twin, name, self.twin(value) if ours else value)
        return twin

    def checks_module(self, original: ModuleType) -> ModuleType:
        copy = ModuleType(original.__name__)
        vars(copy).update(self.namespace(vars(original)))
        return copy
