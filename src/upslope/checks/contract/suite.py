"""All contracts, found in the files beside this one, and the exceptions that cards may state."""

import functools
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from upslope.checks.contract.subject import Broken, Subject, in_one_line

Contract = Callable[[Subject], None]


@functools.cache
def contracts() -> Mapping[str, Contract]:
    """Every contract by name, in alphabetical order of the files: each public function that takes a `Subject`."""
    found: dict[str, Contract] = {}
    for entry in pkgutil.iter_modules([str(Path(__file__).parent)]):
        module = importlib.import_module(f"upslope.checks.contract.{entry.name}")
        for name, function in vars(module).items():
            own = inspect.isfunction(function) and function.__module__ == module.__name__
            if own and not name.startswith("_") and function.__annotations__ == {"subject": Subject, "return": None}:
                found[name] = function
    return MappingProxyType(found)


def keep(subject: Subject, name: str) -> str:
    """Check one contract on a model. Gives "", or the card's reason where the card excepts this contract.

    An exception counts for every network of the card, or for one: "toy-discriminator/influence".

    Raises `Broken` where the model breaks the contract; where an exception names no contract, gives no reason, or is
    not needed, because the model keeps the contract after all.
    """
    for key, reason in subject.card.exceptions.items():
        size, _, excepted = key.rpartition("/")
        if size and size not in subject.card.sizes:
            raise Broken(f"the card excepts {key}, and its sizes are {', '.join(subject.card.sizes)}")
        if excepted not in contracts():
            raise Broken(f'the card excepts "{excepted}", and the contracts are {", ".join(contracts())}')
        if not reason.strip():
            raise Broken(f"the card excepts {excepted} and gives no reason")
    stated = subject.card.exceptions
    reason = stated.get(f"{subject.size}/{name}", stated.get(name, ""))
    if not reason:
        _check(subject, name)
        return ""
    try:
        _check(subject, name)
    except Broken:
        return reason
    raise Broken(f"the card excepts {name}, and the model keeps it: the exception is not needed any more")


def _check(subject: Subject, name: str) -> None:
    """A network that raises an error breaks the contract, too; a library that is missing is not the network's fault."""
    try:
        contracts()[name](subject)
    except (Broken, ImportError):
        raise
    except Exception as error:
        raise Broken(f"{subject.card.name} raises {in_one_line(error)}") from error
