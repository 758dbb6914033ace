"""A training step of a Keras model written out, for Keras on PyTorch: what `compile` and `fit` do for their users.

F. Chollet et al., Keras, https://keras.io/guides/writing_a_custom_training_loop_in_torch/. The model, the loss and the
optimizer are Keras', the gradients are the backend's: there is no way to ask for them that is the same on all.
"""

from collections.abc import Callable
from typing import Any

import torch


def train_step(model: Any, x: Any, labels: Any, *, loss: Callable[[Any, Any], Any], optimizer: Any) -> Any:
    """Forward, loss, backward, one move: change the model once, and give back the mean loss before it, detached.

    `model(x, training=True)` is called once: dropout drops, batch norm takes the statistics of the batch and remembers
    them. `loss(labels, scores)` has what is true first, as everywhere in Keras, and gives a scalar, or one number for
    each sample, of which the mean is taken. Gradients of an earlier step never count; `model` is a PyTorch module as
    well. `optimizer.apply(gradients, variables)`, Keras' own, is called once, without being recorded, for the model's
    `trainable_variables`; the gradient of one lies at `variable.value.grad`. For the model w * x with w = 2, the input
    3, the label 5 and half the squared error, the loss is 0.5, the gradient 3, and SGD with a rate of 0.1 leaves
    w = 1.7.
    """
    # What the last step left would be added to the new gradients.
    model.zero_grad()
    # Forward in training mode, and how wrong it is.
    error = loss(labels, model(x, training=True)).mean()
    # Backward: from the loss to every variable.
    error.backward()
    variables = model.trainable_variables
    gradients = [variable.value.grad for variable in variables]
    # One move against the gradients, of which nobody will want the gradient.
    with torch.no_grad():
        optimizer.apply(gradients, variables)
    # The number only: whoever keeps it must not keep the graph of this step alive.
    return error.detach()
