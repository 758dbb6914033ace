"""Inputs: a network looks at what it is given, at all of it, and leaves it as it is."""

from torch import Tensor

from upslope.checks.contract.subject import Broken, Subject, apart, equal, run

_BATCH = 8


def inputs(subject: Subject) -> None:
    """A call changes no input; every input counts; and an input may lie in memory in any order.

    Whoever hands a batch over may need it again. A mask that makes no difference was forgotten somewhere. What was cut
    out, turned or made channels-last is not contiguous: `view` refuses it, `reshape` does not.
    """
    model = subject.used()
    given, others = subject.inputs(_BATCH), subject.inputs(_BATCH, seed=1)
    for training in (True, False):
        kept = [x.clone() for x in given]
        expected = run(model.train(training), given)
        for number, (before, after) in enumerate(zip(kept, given, strict=True), 1):
            if not before.equal(after):
                raise Broken(f"a call changes the numbers of input {number} in place")
    for number, other in enumerate(others):
        if equal(run(model, (*given[:number], other, *given[number + 1 :])), expected):
            raise Broken(f"another input {number + 1} gives the same output: it is not looked at")
    turned = run(model, tuple(map(_turned, given)))
    for number, steady in enumerate(subject.steady(model, given)):
        off = apart(turned[number], expected[number]) if steady else 0.0  # noise lies in memory as its model does
        if off > 1e-5:
            raise Broken(f"{subject.leaf(number)} differs by {off:.2g} when the input is not contiguous in memory")


def _turned(x: Tensor) -> Tensor:
    """The same numbers at the same places, with the last dimension outermost in memory."""
    return x.movedim(-1, 0).contiguous().movedim(0, -1)
