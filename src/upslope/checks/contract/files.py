"""Files: all that a network has learned is in its state, and survives being written and read."""

from collections.abc import Callable

import torch
from safetensors.torch import load as load_in_torch
from torch import Tensor

from upslope.checks.contract.subject import Broken, Subject, changed, equal, in_one_line, run
from upslope.runs.checkpoint import pack, unpack

_BATCH = 3
State = dict[str, Tensor]


def state_dict(subject: Subject) -> None:
    """A fresh network that takes over another's state, strictly, gives the same outputs to the bit."""
    _carry_over(subject, lambda state: state, "its state dict")


def safetensors(subject: Subject) -> None:
    """The same through the bytes of a safetensors file, written from NumPy arrays as runs write them.

    PyTorch's own reader of the format finds the same tensors in those bytes.
    """
    _carry_over(subject, _through_a_file, "a safetensors file")


def _carry_over(subject: Subject, carry: Callable[[State], State], way: str) -> None:
    # What training moved in the old network must be in its state, or it is lost.
    old, new = subject.used(seed=0), subject.build(seed=1).eval()
    try:
        new.load_state_dict(carry(old.state_dict()), strict=True)
    except RuntimeError as error:
        raise Broken(f"a fresh network cannot load {way}: {in_one_line(error)}") from error
    inputs = subject.inputs(_BATCH)
    if not equal(run(new, inputs), run(old, inputs)):
        raise Broken(f"a fresh network that loaded {way} gives other outputs: something it needs is not in there")
    other = changed(old.state_dict(), new.state_dict())
    if other:
        raise Broken(f"{', '.join(other)} did not come through {way} as before")


def _through_a_file(state: State) -> State:
    for name, value in state.items():
        if not isinstance(value, Tensor):
            raise Broken(f"{name} in the state dict is a {type(value).__name__}, and a file of tensors cannot hold it")
    try:
        packed = pack({name: value.numpy() for name, value in state.items()})
    except TypeError as error:
        raise Broken(f"the state dict cannot be written from NumPy arrays: {in_one_line(error)}") from error
    read = {name: torch.from_numpy(value) for name, value in unpack(packed).items()}
    for name, value in load_in_torch(packed).items():
        if not value.equal(read[name]):
            raise Broken(f"PyTorch's reader of safetensors finds another {name} than NumPy's")
    return read
