"""The state of the things that training changes, taken apart into arrays and JSON, and put back.

A thing is anything with `state_dict()` and `load_state_dict()` (a module, an optimizer, a stream of batches) or a
random generator. Arrays go to a safetensors file under a dotted name; numbers, strings, lists and dicts go to JSON,
where a float's shortest text and an integer of any size come back exactly.
"""

import random
from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np

from upslope.runs.checkpoint import Tensors
from upslope.runs.errors import RunProblem

_ARRAY = "array at"  # a dict with this one key stands for an array that lies in the safetensors file


@runtime_checkable
class HasState(Protocol):
    """What a run can keep: the same two methods as in PyTorch."""

    def state_dict(self) -> Any:
        """Everything that training changes, as nested dicts and lists of arrays and plain values."""

    def load_state_dict(self, state: Any, /) -> Any:
        """The inverse of `state_dict`."""


Thing = HasState | np.random.Generator | random.Random


def take_apart(things: Mapping[str, Thing]) -> tuple[Tensors, dict[str, Any]]:
    """The state of all things as named arrays and JSON."""
    tensors: Tensors = {}
    state = {name: _separate(_state_of(name, thing), name, tensors) for name, thing in things.items()}
    return tensors, state


def put_back(things: Mapping[str, Thing], tensors: Tensors, state: Mapping[str, Any]) -> None:
    """Give all things the state that `take_apart` found."""
    if set(things) != set(state):
        raise RunProblem(
            f"the checkpoint keeps {_listed(state)}, but the lab keeps {_listed(things)}: not the same lab"
        )
    for name, thing in things.items():
        content = _join(state[name], tensors)
        if isinstance(thing, np.random.Generator):
            thing.bit_generator.state = content
        elif isinstance(thing, random.Random):
            version, words, gauss = content
            thing.setstate((version, tuple(words), gauss))
        else:
            thing.load_state_dict(content)


def _state_of(name: str, thing: Thing) -> Any:
    if isinstance(thing, np.random.Generator):
        return thing.bit_generator.state
    if isinstance(thing, random.Random):
        return thing.getstate()
    if not isinstance(thing, HasState):
        raise TypeError(f"{name} has no state_dict() and load_state_dict(): {type(thing).__name__}")
    return thing.state_dict()


def _separate(value: Any, name: str, tensors: Tensors) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        tensors[name] = np.asarray(value)
        return {_ARRAY: name}
    if isinstance(value, Mapping):
        return {str(key): _separate(part, f"{name}.{key}", tensors) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_separate(part, f"{name}.{number}", tensors) for number, part in enumerate(value)]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"{name} holds a {type(value).__name__}, which neither safetensors nor JSON can say")


def _join(value: Any, tensors: Tensors) -> Any:
    if isinstance(value, dict):
        if set(value) == {_ARRAY}:
            if value[_ARRAY] not in tensors:
                raise RunProblem(f"the checkpoint holds no array {value[_ARRAY]}")
            return tensors[value[_ARRAY]]
        return {key: _join(part, tensors) for key, part in value.items()}
    if isinstance(value, list):
        return [_join(part, tensors) for part in value]
    return value


def _listed(names: Mapping[str, Any]) -> str:
    return ", ".join(names) or "nothing"
