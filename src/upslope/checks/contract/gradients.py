"""Gradients: every parameter can learn, in all its parts, and every parameter counts."""

import copy
from collections.abc import Iterator

import torch
from torch import nn

from upslope.checks.contract.subject import Broken, Subject, equal, leaves, run, seeded

_STEPS = 3  # a gate that begins at 0 keeps what lies behind it without gradient for a step
_LOOKS = 20  # one batch does not hold every token, nor does one seed wake every unit
_BATCH = 8


def gradients(subject: Subject) -> None:
    """Within the first steps of training a gradient that is finite and not 0 reaches every parameter.

    What is not trained is no parameter but a buffer, and no two parameters lie in the same memory.
    """
    model = subject.build()
    wanting = set()
    places: dict[int, str] = {}
    for name, parameter in model.named_parameters():
        wanting.add(name)
        if not parameter.requires_grad:
            raise Broken(f"{name} is a parameter that is not trained; what stays as it is belongs in a buffer")
        other = places.setdefault(parameter.data_ptr(), name) if parameter.numel() else name
        if other != name:
            raise Broken(f"{other} and {name} are two parameters in the same memory: an optimizer moves it twice")
    if not wanting:
        raise Broken("the toy has no parameter")
    for step in _training(subject, model):
        for name, parameter in model.named_parameters():
            if parameter.grad is None or not parameter.grad.any():
                continue
            if not torch.isfinite(parameter.grad).all():
                raise Broken(f"the gradient of {name} (step {step} of training) is not finite")
            wanting.discard(name)
    if wanting:
        raise Broken(f"no gradient reaches {_listed(model, wanting)} in {_STEPS} steps of training")


def coverage(subject: Subject) -> None:
    """Of a parameter that gets a gradient every number gets one, in one fresh network or another.

    A table of positions that is longer than the input, a filter that is never read: such numbers stay as they began. A
    unit behind a ReLU that is dead by chance is alive under another seed.
    """
    missed: dict[str, torch.Tensor] = {}
    for seed in range(_LOOKS):
        model = subject.build(seed=seed)
        for _ in _training(subject, model, seed=seed):
            for name, parameter in model.named_parameters():
                if parameter.grad is not None:
                    missed[name] = missed.get(name, torch.tensor(True)) & (parameter.grad == 0)
        if all(mask.all() or not mask.any() for mask in missed.values()):
            return
    for name, mask in missed.items():
        if mask.any() and not mask.all():
            raise Broken(f"no gradient reaches {int(mask.sum())} of the {mask.numel()} numbers of {name}")


def _training(subject: Subject, model: nn.Module, *, seed: int = 0) -> Iterator[int]:
    """Steps of training: each is given when its gradients are there, and taken when the next one is asked for."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    for step in range(_STEPS):
        optimizer.zero_grad()
        with seeded(_STEPS * seed + step):
            outputs = leaves(model(*subject.inputs(_BATCH, seed=_STEPS * seed + step)))
            trained = [output for output in outputs if output.requires_grad] or outputs[:1]
            # Random upstream gradients: for a sum, of which they are 1 everywhere, many wrong gradients look right.
            given = [torch.randn_like(output) / output.numel() ** 0.5 for output in trained]
            torch.autograd.backward(trained, given)
        yield step
        optimizer.step()


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
            if not equal(before, after):
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
