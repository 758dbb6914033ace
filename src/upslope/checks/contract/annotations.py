"""Annotations: the shapes written on a `forward` are the shapes that flow through it.

jaxtyping's import hook turns annotations into checks when a module is imported. Blocks and models are therefore
imported once more, under the hook, and put away again: who imported them before, or exports one, has them as they are.
"""

import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import torch

import upslope
from upslope.checks.contract.subject import Broken, Subject, run, seeded

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
    from jaxtyping import TypeCheckError

    with shapes_checked(subject.found.module):
        model = subject.build()
    signature = inspect.signature(model.forward)
    said = {name: each.annotation for name, each in signature.parameters.items() if each.default is each.empty}
    for name, annotation in {**said, "what it returns": signature.return_annotation}.items():
        if not _says_shapes(annotation):
            raise Broken(f"forward of {type(model).__name__} does not say the shape of {name}")
    for training in (True, False):
        try:
            inputs = subject.inputs(3)
            run(model.train(training), inputs)
            with seeded(0), torch.no_grad():
                _compare_leaves(
                    [*zip(said.values(), inputs, strict=False)], signature.return_annotation, model(*inputs)
                )
        except TypeCheckError as error:
            found = " ".join(str(error).partition("----")[0].split())
            raise Broken(f"a shape is not as annotated: {found}") from error


def _says_shapes(annotation: Any) -> bool:
    """Whether every leaf of an annotated tree is an array of jaxtyping."""
    if _is_array(annotation):
        return True
    parts = [part for part, _ in _parts(annotation, None)]
    return bool(parts) and all(map(_says_shapes, parts))


def _is_array(annotation: Any) -> bool:
    from jaxtyping import AbstractArray

    return isinstance(annotation, type) and get_origin(annotation) is None and issubclass(annotation, AbstractArray)


def _parts(annotation: Any, value: Any) -> list[tuple[Any, Any]]:
    """The annotations inside a tuple's, list's, dict's or record's, with the values that they speak of, if any."""
    if _is_array(annotation):
        return []
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):  # what may be absent, X | None, or different in training, X | dict[str, X]
        others = [each for each in inner if each is not NoneType]
        fitting = [each for each in others if value is None or (get_origin(each) is dict) == isinstance(value, dict)]
        return [(each, value) for each in fitting or others]
    if origin in (tuple, list):
        if origin is list or inner[1:] == (...,):
            return [(inner[0], each) for each in ((None,) if value is None else value)]
        return [*zip(inner, (None,) * len(inner) if value is None else value, strict=True)]
    if origin is dict:
        return [(inner[1], each) for each in ((None,) if value is None else value.values())]
    if isinstance(annotation, type) and origin is None and getattr(annotation, "__annotations__", None):
        named = get_type_hints(annotation)

        def field(name: str) -> Any:
            return value[name] if isinstance(value, dict) else getattr(value, name, None)

        return [(part, field(name)) for name, part in named.items()]
    return []


def _compare_leaves(given: list[tuple[Any, Any]], annotation: Any, output: Any) -> None:
    """Every leaf has its annotated shape, with one size for each letter.

    A type checker looks at one entry of a dict, and at no field of a named tuple.
    """
    from jaxtyping import jaxtyped

    def visit(said: Any, value: Any, where: str) -> None:
        if value is None and NoneType in get_args(said):
            return
        parts = _parts(said, value)
        for number, (part, each) in enumerate(parts, 1):
            visit(part, each, f"{where}, part {number}")
        if not parts and not isinstance(value, said):
            raise Broken(f"a shape is not as annotated: {where} is {tuple(value.shape)}, not {said.__name__}")

    with jaxtyped("context"):
        for number, (said, value) in enumerate(given, 1):
            visit(said, value, f"input {number}")
        visit(annotation, output, "what forward returns")
