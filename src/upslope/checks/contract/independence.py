"""Independence: what a sample gets does not depend on its neighbours, nor what is said now on what comes later."""

import torch
from torch import Tensor

from upslope.checks.contract.subject import Broken, Subject, difference, run

_BATCH = 3


def independence(subject: Subject) -> None:
    """In evaluation, samples of a batch do not see each other: neither values nor gradients pass between them."""
    model = subject.used()
    inputs, others = subject.inputs(_BATCH), subject.inputs(_BATCH, seed=1)
    before = run(model, inputs)
    for j in range(_BATCH):
        changed = tuple(_with(x, (slice(j, j + 1),), other) for x, other in zip(inputs, others, strict=True))
        after = run(model, changed)
        for i in range(_BATCH):
            if i != j and difference(after[i], before[i]) > 1e-6:
                raise Broken(
                    f"in evaluation the output of sample {i} changes by {difference(after[i], before[i]):.2g} when "
                    f"only sample {j} does"
                )
        alone = run(model, tuple(x[j : j + 1] for x in inputs))
        if difference(alone[0], before[j]) > 1e-5:
            raise Broken(
                f"in evaluation sample {j} alone gives an output that differs by "
                f"{difference(alone[0], before[j]):.2g} from the one it gets among {_BATCH}"
            )
    leaves = [x.clone().requires_grad_() for x in inputs if x.is_floating_point()]
    if leaves:
        given = iter(leaves)
        output = model(*(next(given) if x.is_floating_point() else x for x in inputs))
        for i in range(_BATCH):
            for of_input in torch.autograd.grad(_weighed(output[i]), leaves, retain_graph=True, allow_unused=True):
                for j in range(_BATCH):
                    if i != j and of_input is not None and of_input[j].any():
                        raise Broken(f"in evaluation the output of sample {i} has a gradient for sample {j}")


def causality(subject: Subject) -> None:
    """Where the card says causal, the output at t depends on no input after t; of other models nothing is asked.

    Inputs are (B, T, ...) and so is the output; a change and a gradient are tried at every t.
    """
    if not subject.card.causal:
        return
    inputs, others = subject.inputs(_BATCH), subject.inputs(_BATCH, seed=1)
    steps = inputs[0].shape[1]
    model = subject.used()
    before = run(model, inputs)
    if before.ndim < 2 or before.shape[1] != steps:
        raise Broken(f"a causal model has an output for each of its {steps} inputs in time, not {tuple(before.shape)}")
    for t in range(steps - 1):
        later = (slice(None), slice(t + 1, None))
        after = run(model, tuple(_with(x, later, other) for x, other in zip(inputs, others, strict=True)))
        moved = difference(after[:, : t + 1], before[:, : t + 1])
        if moved > 1e-6:
            raise Broken(f"the output up to time {t} changes by {moved:.2g} when only the input after {t} does")
    leaves = [x.clone().requires_grad_() for x in inputs if x.is_floating_point()]
    if leaves:
        given = iter(leaves)
        output = model(*(next(given) if x.is_floating_point() else x for x in inputs))
        for t in range(steps - 1):
            for of_input in torch.autograd.grad(_weighed(output[:, t]), leaves, retain_graph=True, allow_unused=True):
                if of_input is not None and of_input[:, t + 1 :].any():
                    raise Broken(f"the output at time {t} has a gradient for the input after {t}")


def _with(x: Tensor, where: tuple[slice, ...], other: Tensor) -> Tensor:
    """x, but ten times `other` at `where`: numbers as far off as a neighbour's may be (integers just become others)."""
    changed = x.clone()
    changed[where] = 10 * other[where] if x.is_floating_point() else other[where]
    return changed


def _weighed(output: Tensor) -> Tensor:
    """A random sum of an output: gradients that cancel in the plain sum do not cancel in it."""
    return (output * torch.randn(output.shape, generator=torch.Generator().manual_seed(2))).sum()
