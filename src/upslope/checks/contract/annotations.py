"""Annotations: the shapes written on a `forward` are the shapes that flow through it.

jaxtyping's import hook turns annotations into checks when a module is imported. Blocks and models are therefore
imported once more, under the hook, and put away again: who imported them before, or exports one, has them as they are.
"""

import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import upslope
from upslope.checks.contract.subject import Broken, Subject, run

_ROOMS = ("blocks", "models")


def checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with its annotations checked by beartype; as for any type checker, an int is also a float."""
    from beartype import BeartypeConf, beartype

    return beartype(conf=BeartypeConf(is_pep484_tower=True))(function)


@contextmanager
def shapes_checked(*modules: str) -> Iterator[None]:
    """Inside, importing `upslope.blocks`, `upslope.models` and `modules` gives copies that check their annotations."""
    from jaxtyping import install_import_hook

    rooms = [f"upslope.{room}" for room in _ROOMS]
    hooked = [*rooms, *modules]

    def ours(name: str) -> bool:
        return any(name == module or name.startswith(f"{module}.") for module in hooked)

    kept = {name: module for name, module in sys.modules.items() if ours(name)}
    faces = {room: vars(upslope)[room] for room in _ROOMS if room in vars(upslope)}
    written = sys.dont_write_bytecode
    for name in kept:
        del sys.modules[name]
    try:
        sys.dont_write_bytecode = True  # the package's folder stays as it is
        with install_import_hook(hooked, f"{__name__}.checked"):
            yield
    finally:
        sys.dont_write_bytecode = written
        for name in [name for name in sys.modules if ours(name)]:
            del sys.modules[name]
        sys.modules.update(kept)
        for room in _ROOMS:
            vars(upslope).pop(room, None)
        vars(upslope).update(faces)


def annotations(subject: Subject) -> None:
    """The builder's `forward` says the shapes it takes and gives, and in training and evaluation they are so."""
    from jaxtyping import AbstractArray, TypeCheckError

    with shapes_checked(subject.found.module):
        model = subject.build()
    signature = inspect.signature(model.forward)
    said = {name: each.annotation for name, each in signature.parameters.items() if each.default is each.empty}
    for name, annotation in {**said, "what it returns": signature.return_annotation}.items():
        if not (isinstance(annotation, type) and issubclass(annotation, AbstractArray)):
            raise Broken(f"forward of {type(model).__name__} does not say the shape of {name}")
    for training in (True, False):
        try:
            run(model.train(training), subject.inputs(3))
        except TypeCheckError as error:
            found = " ".join(str(error).partition("----")[0].split())
            raise Broken(f"a shape is not as annotated: {found}") from error
