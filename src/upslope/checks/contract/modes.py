"""Modes: training differs from evaluation where the card says so, and nowhere else."""

import copy

import torch
from torch import nn

from upslope.checks.contract.subject import Broken, Outputs, Subject, changed, difference, equal, leaves, run, seeded

_BATCH = 8
_DRAWS = 5  # a module that drops little may drop nothing in one draw


def modes(subject: Subject) -> None:
    """Evaluation draws nothing and changes nothing; training differs from it by the card's modules, and only so.

    Where the card says `random_in_evaluation`, evaluation must draw, and both sides are given the same seeds.
    A second call gives the same, and leaves as it was what the first one gave. With the modules of the classes in
    `differs_in_training` put in evaluation, a network in training gives what it gives in evaluation; and each of these
    classes, put in training alone, makes a difference.
    """
    model = subject.used()
    inputs = subject.inputs(_BATCH)
    state = copy.deepcopy(model.state_dict())
    random = subject.card.random_in_evaluation
    expected = [run(model, inputs, seed=draw if random else 0) for draw in range(_DRAWS)]
    if any(difference(run(model, inputs, seed=draw), expected[draw]) > 0 for draw in range(_DRAWS)):
        raise Broken("in evaluation the same inputs give different outputs from one call to the next")
    if random and all(equal(one, expected[0]) for one in expected):
        raise Broken("the card says random_in_evaluation, and in evaluation no chance enters the outputs")
    _keeps_to_itself(subject, model)
    moved = changed(state, model.state_dict())
    if moved:
        raise Broken(f"a call in evaluation changes {', '.join(moved)}")
    named = subject.card.differs_in_training
    _set(model.train(), named, training=False)
    for draw in range(_DRAWS):
        off = difference(_without_auxiliaries(subject, run(model, inputs, seed=draw)), expected[draw])
        if off > 1e-6:
            without = f" with {', '.join(named)} in evaluation" if named else ""
            raise Broken(
                f"in training{without} the output differs by {off:.2g} from that in evaluation, and the card's "
                f"differs_in_training names {'nothing else' if named else 'nothing'}"
            )
    for name in named:
        _set(model.eval(), (name,), training=True)
        if all(equal(run(model, inputs, seed=draw), expected[draw]) for draw in range(_DRAWS)):
            present = any(type(module).__name__ == name for module in model.modules())
            why = "makes no difference in training" if present else "is not in the toy"
            raise Broken(f"the card's differs_in_training names {name}, which {why}")
        model.load_state_dict(state)


def _without_auxiliaries(subject: Subject, outputs: Outputs) -> Outputs:
    """What leaves in training, without the auxiliaries, which the card says leave in training only."""
    return outputs[: len(outputs) - len(subject.toy.auxiliaries)]


def _keeps_to_itself(subject: Subject, model: nn.Module) -> None:
    """No random numbers, however rarely they would show, and no output that the next call writes over."""
    with seeded(0), torch.no_grad():
        before = torch.get_rng_state()
        first = leaves(model(*subject.inputs(_BATCH)))
        if not subject.card.random_in_evaluation and not torch.get_rng_state().equal(before):
            raise Broken("in evaluation random numbers are drawn")
        kept = tuple(output.clone() for output in first)
        model(*subject.inputs(_BATCH, seed=1))
    if difference(first, kept) > 0:
        raise Broken("an output changes when the network is called again: both calls write to the same memory")


def _set(model: nn.Module, names: tuple[str, ...], *, training: bool) -> None:
    """The mode of the modules of these classes alone, not of what they hold."""
    for module in model.modules():
        if type(module).__name__ in names:
            module.training = training
