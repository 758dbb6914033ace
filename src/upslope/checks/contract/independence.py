"""Independence: what a sample gets does not depend on its neighbours, nor what is said now on what comes later."""

import torch
from torch import Tensor, nn

from upslope.checks.contract.subject import Broken, Outputs, Subject, apart, leaves, run, seeded

_BATCH = 3


def independence(subject: Subject) -> None:
    """In evaluation, samples of a batch do not see each other: neither values nor gradients pass between them."""
    model = subject.used()
    inputs, others = subject.inputs(_BATCH), subject.inputs(_BATCH, seed=1)
    before, steady = run(model, inputs), subject.steady(model, inputs)
    for number, output in enumerate(before):
        if not output.ndim or len(output) != _BATCH:
            raise Broken(f"{subject.leaf(number)} has the shape {tuple(output.shape)} for a batch of {_BATCH}")
    for j in range(_BATCH):
        changed = tuple(_with(x, (slice(j, j + 1),), other) for x, other in zip(inputs, others, strict=True))
        after = run(model, changed)
        alone = run(model, tuple(x[j : j + 1] for x in inputs))
        for number, output in enumerate(before):
            what = f"in evaluation {subject.leaf(number)}"
            for i in range(_BATCH):
                moved = apart(after[number][i], output[i]) if i != j else 0.0
                if moved > 1e-6:
                    raise Broken(f"{what} of sample {i} changes by {moved:.2g} when only sample {j} does")
            # Alone a sample is given another draw than among others.
            off = apart(alone[number][0], output[j]) if steady[number] else 0.0
            if off > 1e-5:
                raise Broken(f"{what} of sample {j} alone differs by {off:.2g} from the one it gets among {_BATCH}")
    outputs, given = _with_gradients(model, inputs)
    for number, output in enumerate(outputs):
        for i in range(_BATCH):
            for of_input in _gradients(output[i], given):
                if any(of_input[j].any() for j in range(_BATCH) if j != i):
                    j = next(j for j in range(_BATCH) if j != i and of_input[j].any())
                    raise Broken(f"in evaluation {subject.leaf(number)} of sample {i} has a gradient for sample {j}")


def causality(subject: Subject) -> None:
    """Where the card says causal, the output at t depends on no input after t; of other models nothing is asked.

    Inputs are (B, T, ...) and so is the output; a change and a gradient are tried at every t. Of several outputs those
    of that form are asked, at least one: a last state, (B, D), may know everything.
    """
    if not subject.card.causal:
        return
    inputs, others = subject.inputs(_BATCH), subject.inputs(_BATCH, seed=1)
    steps = inputs[0].shape[1]
    model = subject.used()
    before = run(model, inputs)
    in_time = [number for number, output in enumerate(before) if output.ndim > 1 and output.shape[1] == steps]
    if not in_time:
        shapes = ", ".join(str(tuple(output.shape)) for output in before)
        raise Broken(f"a causal model has an output for each of its {steps} inputs in time, not {shapes}")
    for t in range(steps - 1):
        later = (slice(None), slice(t + 1, None))
        after = run(model, tuple(_with(x, later, other) for x, other in zip(inputs, others, strict=True)))
        for number in in_time:
            moved = apart(after[number][:, : t + 1], before[number][:, : t + 1])
            if moved > 1e-6:
                what = subject.leaf(number)
                raise Broken(f"{what} up to time {t} changes by {moved:.2g} when only the input after {t} does")
    outputs, given = _with_gradients(model, inputs)
    for number in in_time:
        for t in range(steps - 1):
            if any(of_input[:, t + 1 :].any() for of_input in _gradients(outputs[number][:, t], given)):
                raise Broken(f"{subject.leaf(number)} at time {t} has a gradient for the input after {t}")


def _with_gradients(model: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Outputs, list[Tensor]]:
    """The outputs, and the inputs that gradients can be asked for."""
    given = [x.clone().requires_grad_() if x.is_floating_point() else x for x in inputs]
    with seeded(0):
        outputs = leaves(model(*given))
    return outputs, [x for x in given if x.requires_grad]


def _gradients(output: Tensor, inputs: list[Tensor]) -> list[Tensor]:
    """The gradients of a part of an output; none where there is nothing to differentiate."""
    if not inputs or not output.requires_grad:
        return []
    found = torch.autograd.grad(_weighed(output), inputs, retain_graph=True, allow_unused=True)
    return [gradient for gradient in found if gradient is not None]


def _with(x: Tensor, where: tuple[slice, ...], other: Tensor) -> Tensor:
    """x, but ten times `other` at `where`: numbers as far off as a neighbour's may be (integers just become others)."""
    changed = x.clone()
    changed[where] = 10 * other[where] if x.is_floating_point() else other[where]
    return changed


def _weighed(output: Tensor) -> Tensor:
    """A random sum of an output: gradients that cancel in the plain sum do not cancel in it."""
    return (output * torch.randn(output.shape, generator=torch.Generator().manual_seed(2))).sum()
