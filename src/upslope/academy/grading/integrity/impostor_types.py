"""Impostor types: classes defined by an answer that pass for a number, an array, a tensor or a function.

Such a class can claim to equal anything. What an exercise asks for never needs one. A class that stands in for a layer
or an optimizer is another matter: that is what many exercises ask for.
"""

import builtins
import sys
from collections.abc import Iterator
from types import FunctionType

# The functions below keep the builtins of this moment, whatever the learner's code does to the module later.
globals()["__builtins__"] = dict(vars(builtins))

_NUMBERS = "its own kind of number or array (class {}); use the plain ones"
_MODES = "its own way for PyTorch to compute (class {}); an answer uses PyTorch as it is"
_KINDS = (  # module, class, what is said about a class below it
    ("numpy", "ndarray", _NUMBERS),
    ("numpy", "generic", _NUMBERS),
    ("upslope.scratch.tensor", "Tensor", _NUMBERS),
    ("upslope.scratch.scalar", "Value", _NUMBERS),
    ("torch", "Tensor", _NUMBERS),
    ("torch.overrides", "TorchFunctionMode", _MODES),
    ("torch.utils._python_dispatch", "TorchDispatchMode", _MODES),
)
_HANDLERS = ("__torch_function__", "__torch_dispatch__", "__array_function__", "__array_ufunc__")


class Poses:
    """The classes that are there before the learner's code is loaded, and a look for those that came since."""

    def __init__(self, base: "Poses | None" = None) -> None:
        # The classes themselves, so that no other can get the number of one that is gone.
        self._known: dict[int, type] = dict(base._known) if base else {}

    def learn(self) -> "Poses":
        """All that is there now is not the learner's."""
        self._known = {id(made): made for made, _ in _candidates({})}
        return self

    def found(self, learner: tuple[str, ...]) -> str | None:
        """Words that complete "the answer makes ..." for such a class written in a learner's file, else None."""
        for made, words in _candidates(self._known):
            names = vars(made)
            parts = [names[name] for name in _HANDLERS if name in names] if words is None else list(names.values())
            if any(any(written_in(learner, part)) for part in parts):
                return (words or _NUMBERS).format(made.__name__)
        return None


def _candidates(known: dict[int, type]) -> Iterator[tuple[type, str | None]]:
    """Every class below one of those kinds that is not known, with what is said of it.

    Beside them every class at all that is derived from none, with None: what says `__torch_function__` is one, too.
    """
    kinds: list[tuple[type, str]] = [(int, _NUMBERS), (float, _NUMBERS), (complex, _NUMBERS)]
    for module, name, words in _KINDS:
        found = vars(sys.modules[module]).get(name) if module in sys.modules else None
        if found is not None:
            kinds.append((found, words))
    seen: set[int] = set()
    for kind, words in kinds:
        below: list[type] = type.__subclasses__(kind)
        for made in below:
            if id(made) not in seen:
                seen.add(id(made))
                kinds.append((made, words))
                if id(made) not in known:
                    yield made, words
    plain: list[type] = type.__subclasses__(object)
    yield from ((made, None) for made in plain if id(made) not in known and id(made) not in seen)


def written_in(learner: tuple[str, ...], part: object) -> Iterator[FunctionType]:
    """The functions in an attribute of a class whose text stands in a learner's file."""
    for function in (part, getattr(part, "fget", None), getattr(part, "__func__", None)):
        while type(function) is FunctionType:
            if function.__code__.co_filename in learner:
                yield function
            function = vars(function).get("__wrapped__")  # what a decorator was laid around
