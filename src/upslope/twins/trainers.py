"""Both sides of a comparison with one interface: a training step, and what they say of inputs.

SGD with momentum m is written in two ways. Keras: v = m v - lr g, w = w + v. PyTorch: v = m v + g, w = w - lr v. With
a constant lr they are one; while lr changes, Keras' velocity remembers the rates at which its gradients came. PyTorch
with gradients times lr, at a rate of 1, is Keras' form.
"""

from functools import partial
from typing import Any

import keras
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.blocks.training import training_step
from upslope.twins.losses import sparse_smoothed_cross_entropy

Scores = NDArray[np.float32]  # (B, classes)


class InTorch:
    """A PyTorch model that learns by SGD with momentum; `as_keras=False` leaves it PyTorch's own form."""

    def __init__(
        self, model: nn.Module, *, momentum: float = 0.9, smoothing: float = 0.0, as_keras: bool = True
    ) -> None:
        self.model, self.as_keras = model, as_keras
        self.loss = partial(F.cross_entropy, label_smoothing=smoothing)
        learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
        self.optimizer = torch.optim.SGD(learning, lr=1.0, momentum=momentum)

    def learn(self, inputs: Tensor, labels: Tensor, *, lr: float) -> float:
        """The loss of a batch, pictures (B, C, H, W) or tokens (B, T), before the step."""
        self.model.train()
        self.optimizer.param_groups[0]["lr"] = 1.0 if self.as_keras else lr

        def backward(loss: Tensor) -> None:
            (loss * lr if self.as_keras else loss).backward()  # type: ignore[no-untyped-call]

        loss = training_step(self.model, inputs, labels, loss=self.loss, optimizer=self.optimizer, backward=backward)
        return float(loss)

    @torch.no_grad()
    def scores(self, inputs: Tensor) -> Scores:
        """The scores of pictures (B, C, H, W) or tokens (B, T)."""
        self.model.eval()
        scores: Scores = self.model(inputs).numpy()
        return scores


class InKeras:
    """A Keras model that learns by SGD with momentum, through Keras' own compiled `train_on_batch`."""

    def __init__(self, model: Any, *, momentum: float = 0.9, smoothing: float = 0.0) -> None:
        self.model = model
        self.optimizer = keras.optimizers.SGD(1.0, momentum=momentum)

        def smoothed(labels: Any, logits: Any) -> Any:
            return sparse_smoothed_cross_entropy(labels, logits, smoothing=smoothing)

        loss = smoothed if smoothing else keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        # XLA on a processor takes twice the time for these convolutions.
        model.compile(optimizer=self.optimizer, loss=loss, jit_compile=False)

    def learn(self, inputs: Tensor, labels: Tensor, *, lr: float) -> float:
        """The loss of a batch, pictures (B, C, H, W) or tokens (B, T), before the step."""
        self.optimizer.learning_rate = lr
        self.model.reset_metrics()  # what Keras gives back is the mean loss since this line
        return float(self.model.train_on_batch(as_in_keras(inputs), labels.numpy()))

    def scores(self, inputs: Tensor) -> Scores:
        """The scores of pictures (B, C, H, W) or tokens (B, T)."""
        return np.asarray(self.model.predict_on_batch(as_in_keras(inputs)))

    @property
    def steps(self) -> int:
        """How many steps it has learned, as the optimizer counts them."""
        return int(self.optimizer.iterations)


def as_in_keras(inputs: Tensor) -> NDArray[Any]:
    """Pictures (B, C, H, W) as Keras takes them, (B, H, W, C); anything else as it is."""
    return np.ascontiguousarray((inputs.permute(0, 2, 3, 1) if inputs.ndim == 4 else inputs).numpy())
