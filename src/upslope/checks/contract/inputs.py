"""Inputs: a network looks at what it is given, at all of it, and leaves it as it is."""

import torch
from torch import Tensor

from upslope.checks.contract.subject import Broken, Subject, changed, difference, run

_BATCH = 8


def inputs(subject: Subject) -> None:
    """A call changes no input; each input counts; and an input may lie in memory in any order.

    Whoever hands a batch over may use it again. A mask that changes nothing is forgotten somewhere. What was cut out,
    turned or made channels-last is not contiguous, and `view` refuses it where `reshape` does not.
    """
    model = subject.used()
    given, others = subject.inputs(_BATCH), subject.inputs(_BATCH, seed=1)
    for training in (True, False):
        before = _numbered(x.clone() for x in given)
        expected = run(model.train(training), given)
        for position in changed(before, _numbered(given)):
            raise Broken(f"a call changes the input {position} that it is given")
    for position in range(len(given)):
        if len(given) > 1 and run(model, (*given[:position], others[position], *given[position + 1 :])).equal(expected):
            raise Broken(f"another input {position} gives the same output: it is not looked at")
    turned = tuple(_turned(x) for x in given)
    if difference(run(model, turned), expected) > 1e-5:
        raise Broken("an input that lies in memory in another order gives another output")


def _numbered(tensors: object) -> dict[str, Tensor]:
    return {str(position): x for position, x in enumerate(tensors, 1)}  # type: ignore[arg-type]


def _turned(x: Tensor) -> Tensor:
    """The same numbers in the same places, with the last dimension outermost in memory."""
    return x.movedim(-1, 0).contiguous().movedim(0, -1)
