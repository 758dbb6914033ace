"""Learning: a network that cannot even learn eight samples by heart is wired wrongly."""

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor
from torch.nn import functional as F

from upslope.checks.contract.subject import Broken, Subject, seeded

_BATCH = 8
_STEPS = 200
_FRACTION = 0.1


def overfitting(subject: Subject) -> None:
    """Trained on one batch, in training mode, the loss falls below a tenth of its start.

    The loss is the one that the card names. Where it names none, it is cross-entropy with random labels, which are
    classes of the output's last dimension, and that of each auxiliary as much as the card says. Training ends as soon
    as the mean of three losses in a row is low enough, which most networks reach after a few dozen steps.
    """
    model = subject.build()
    inputs = subject.inputs(_BATCH)
    with seeded(1):
        loss_of = _loss(subject)
        optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3, weight_decay=0.0)
        losses: list[float] = []
        for _ in range(_STEPS):
            optimizer.zero_grad()
            loss = loss_of(model(*inputs), *inputs)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            if len(losses) > 3 and sum(losses[-3:]) / 3 < _FRACTION * losses[0]:
                return
    raise Broken(
        f"the loss on one batch of {_BATCH} fell from {losses[0]:.3g} only to {sum(losses[-3:]) / 3:.3g} in {_STEPS} "
        "steps of AdamW"
    )


def _loss(subject: Subject) -> Callable[..., Tensor]:
    """(outputs, *inputs) -> scalar: the function of the model's file that the card names, or cross-entropy."""
    named = subject.toy.loss or subject.card.loss
    if named:
        function = getattr(subject.found.load(), named, None)
        if function is None:
            raise Broken(f"the card's loss is {named}, and its file has no function of this name")
        return cast(Callable[..., Tensor], function)
    if subject.toy.auxiliaries:
        return _with_auxiliaries(subject)
    shape = subject.toy.output
    if not shape or shape[-1] < 2:
        what = f"the outputs {', '.join(subject.toy.outputs)}" if subject.toy.outputs else f"an output of {shape}"
        raise Broken(f"the card names no loss, and {what} cannot be scores of classes: write loss=... on the card")
    labels = torch.randint(shape[-1], (_BATCH, *shape[:-1]))
    return lambda output, *inputs: F.cross_entropy(output.flatten(0, -2), labels.flatten())


def _with_auxiliaries(subject: Subject) -> Callable[..., Tensor]:
    shape, weights = subject.toy.output, {"logits": 1.0, **subject.toy.auxiliaries}
    labels = torch.randint(shape[-1], (_BATCH, *shape[:-1])).flatten()

    def loss(outputs: dict[str, Tensor], *inputs: Tensor) -> Tensor:
        losses = [weight * F.cross_entropy(outputs[name].flatten(0, -2), labels) for name, weight in weights.items()]
        return torch.stack(losses).sum()

    return loss
