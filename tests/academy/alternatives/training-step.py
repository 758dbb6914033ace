"""The old gradients are forgotten as late as they may be, and the loss is copied before anything moves."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from upslope.blocks.training import Optimizer


def training_step(
    model: nn.Module,
    inputs: Tensor,
    labels: Tensor,
    *,
    loss: Callable[[Tensor, Tensor], Tensor],
    optimizer: Optimizer,
    backward: Callable[[Tensor], object] = Tensor.backward,
) -> Tensor:
    outputs = model(inputs)
    wrongness = loss(outputs, labels)
    with torch.no_grad():
        before = wrongness.clone()
    optimizer.zero_grad()
    backward(wrongness)
    optimizer.step()
    return before
