"""Learning: a network that cannot even learn eight samples by heart is wired wrongly."""

import torch
from torch.nn import functional as F

from upslope.checks.contract.subject import Broken, Subject, seeded

_BATCH = 8
_STEPS = 200
_FRACTION = 0.1


def overfitting(subject: Subject) -> None:
    """Trained on one batch with random labels, in training mode, the loss falls below a tenth of its start.

    The labels are random classes of the output's last dimension. Training ends as soon as the mean of three losses in
    a row is low enough, which most networks reach after a few dozen steps.
    """
    model = subject.build()
    inputs = subject.inputs(_BATCH)
    with seeded(1):
        labels = torch.randint(subject.toy.output[-1], (_BATCH, *subject.toy.output[:-1]))
        optimiser = torch.optim.AdamW(model.parameters(), lr=5e-3, weight_decay=0.0)
        losses: list[float] = []
        for _ in range(_STEPS):
            optimiser.zero_grad()
            loss = F.cross_entropy(model(*inputs).flatten(0, -2), labels.flatten())
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
            if len(losses) > 3 and sum(losses[-3:]) / 3 < _FRACTION * losses[0]:
                return
    raise Broken(
        f"the loss on one batch of {_BATCH} fell from {losses[0]:.3g} only to {sum(losses[-3:]) / 3:.3g} in {_STEPS} "
        "steps of AdamW"
    )
