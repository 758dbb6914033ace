"""Gradients: every parameter can learn, and every parameter counts."""

import copy

import torch
from torch import nn

from upslope.checks.contract.subject import Broken, Subject, run, seeded

_STEPS = 3  # a gate that begins at 0 keeps what lies behind it without gradient for a step
_BATCH = 8


def gradients(subject: Subject) -> None:
    """Within the first steps of training a gradient that is finite and not 0 reaches every parameter."""
    model = subject.build()
    wanting = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    if not wanting:
        raise Broken("the toy has no parameter that can be trained")
    optimiser = torch.optim.SGD(model.parameters(), lr=0.01)
    for step in range(_STEPS):
        optimiser.zero_grad()
        with seeded(step):
            output = model(*subject.inputs(_BATCH, seed=step))
            # A random upstream gradient: for a sum, of which it is 1 everywhere, many wrong gradients look right.
            output.backward(torch.randn_like(output) / output.numel() ** 0.5)
        for name, parameter in model.named_parameters():
            if parameter.grad is None or not parameter.grad.any():
                continue
            if not torch.isfinite(parameter.grad).all():
                raise Broken(f"the gradient of {name} (step {step} of training) is not finite")
            wanting.discard(name)
        optimiser.step()
    if wanting:
        raise Broken(f"no gradient reaches {_listed(model, wanting)} in {_STEPS} steps of training")


def influence(subject: Subject) -> None:
    """Every parameter changes what the network says: none is forgotten, or gated away."""
    model = subject.used()
    inputs = subject.inputs(_BATCH)
    idle = set()
    for name, parameter in model.named_parameters():
        kept = parameter.detach().clone()
        for training in (False, True):
            model.train(training)
            state = copy.deepcopy(model.state_dict())
            before = run(model, inputs)
            model.load_state_dict(state)  # batch statistics move in training: both runs start from the same
            with torch.no_grad():
                parameter.add_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(7)))
            after = run(model, inputs)
            with torch.no_grad():
                parameter.copy_(kept)
            if not torch.equal(before, after):
                break
        else:
            idle.add(name)
    if idle:
        raise Broken(f"changing {_listed(model, idle)} does not change the output")


def _listed(model: nn.Module, names: set[str]) -> str:
    """The names in the model's own order; of many, the first three and how many there are."""
    ordered = [name for name, _ in model.named_parameters() if name in names]
    more = f" and {len(ordered) - 3} more" if len(ordered) > 3 else ""
    return ", ".join(ordered[:3]) + more
