"""One training step, written out: the five lines by which every network of this library is trained."""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from torch import Tensor, nn


@runtime_checkable
class Optimizer(Protocol):
    """What a step needs of an optimizer: PyTorch's have it, and those that wrap them."""

    def zero_grad(self) -> None:
        """Forget the gradients."""

    def step(self) -> object:
        """Move the parameters against their gradients."""


def training_step(
    model: nn.Module,
    inputs: Tensor,
    labels: Tensor,
    *,
    loss: Callable[[Tensor, Tensor], Tensor],
    optimizer: Optimizer,
    backward: Callable[[Tensor], object] = Tensor.backward,
) -> Tensor:
    """Forward, loss, backward, step: change the model once, and give back the loss before the change, detached.

    `model(inputs)` is called once; `loss(outputs, labels)` is a scalar tensor. `backward(loss)` fills the gradients; a
    trainer may pass its own, which scales the loss or waits for other processes. Gradients of an earlier step never
    count. For the model w * x with w = 2, the input 3, the label 5 and half the squared error, the loss is 0.5, the
    gradient 3, and SGD with lr 0.1 leaves w = 1.7.
    """
    # What the last step left would be added to the new gradients.
    optimizer.zero_grad()
    # Forward: what the model says, and how wrong it is.
    error = loss(model(inputs), labels)
    # Backward: from the loss to every parameter.
    backward(error)
    # One move against the gradients.
    optimizer.step()
    # The number only: whoever keeps it must not keep the graph of this step alive.
    return error.detach()
