"""Both sides of a comparison with one interface: a training step, and what they say of inputs.

SGD with momentum m is written in two ways. Keras: v = m v - lr g, w = w + v. PyTorch: v = m v + g, w = w - lr v. With
a constant lr they are one; while lr changes, Keras' velocity remembers the rates at which its gradients came. PyTorch
with gradients times lr, at a rate of 1, is Keras' form.

Adam divides by sqrt(v) + epsilon, where Keras adds epsilon (1e-7, not 1e-8) before v is corrected for its start at 0,
as the paper's section 2 proposes at its end, and PyTorch after that. PyTorch with epsilon / sqrt(1 - 0.999^t) at step t
is Keras' form. And on TensorFlow the gradient of an embedding is a list of rows, one for each word of the batch. Keras
3.15 squares each of them and then adds up those of one word, where Adam means the square of their sum: `DenseAdam`.
"""

from functools import partial
from typing import Any, Literal

import keras
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.blocks.training import training_step
from upslope.twins.losses import sparse_smoothed_cross_entropy
from upslope.twins.steps import train_step

Scores = NDArray[np.float32]  # (B, classes)
MOMENTUM, EPSILON = 0.9, 1e-7  # the second as Keras has it by default


class InTorch:
    """A PyTorch model that learns by SGD with momentum, or by Adam; `as_keras=False` leaves it PyTorch's own form."""

    def __init__(
        self,
        model: nn.Module,
        *,
        optimizer: Literal["sgd", "adam"] = "sgd",
        smoothing: float = 0.0,
        as_keras: bool = True,
    ) -> None:
        self.model, self.as_keras = model, as_keras
        self.loss = partial(F.cross_entropy, label_smoothing=smoothing)
        learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
        self.optimizer: torch.optim.Optimizer = (
            torch.optim.SGD(learning, lr=1.0, momentum=MOMENTUM)
            if optimizer == "sgd"
            else torch.optim.Adam(learning, lr=1.0)
        )

    def learn(self, inputs: Tensor, labels: Tensor, *, lr: float) -> float:
        """The loss of a batch, pictures (B, C, H, W) or tokens (B, T), before the step."""
        self.model.train()
        group, scale = self.optimizer.param_groups[0], 1.0
        group["lr"] = lr
        if self.as_keras and isinstance(self.optimizer, torch.optim.SGD):
            group["lr"], scale = 1.0, lr
        elif self.as_keras:
            group["eps"] = EPSILON / (1 - group["betas"][1] ** (self._taken() + 1)) ** 0.5

        def backward(loss: Tensor) -> None:
            (loss * scale).backward()  # type: ignore[no-untyped-call]

        loss = training_step(self.model, inputs, labels, loss=self.loss, optimizer=self.optimizer, backward=backward)
        return float(loss)

    def _taken(self) -> int:
        """The steps so far, as the optimizer counts them."""
        return max((int(state["step"]) for state in self.optimizer.state.values()), default=0)

    @torch.no_grad()
    def scores(self, inputs: Tensor) -> Scores:
        """The scores of pictures (B, C, H, W) or tokens (B, T)."""
        self.model.eval()
        scores: Scores = self.model(inputs).numpy()
        return scores


class DenseAdam(keras.optimizers.Adam):
    """Adam that first adds up the rows of a gradient that belong to one word, where a backend keeps them apart."""

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        whole = keras.ops.add(gradient, keras.ops.zeros_like(variable))  # what is added to a dense tensor becomes one
        super().update_step(whole, variable, learning_rate)


class InKeras:
    """A Keras model that learns by SGD with momentum, or by Adam, through Keras' own compiled `train_on_batch`."""

    def __init__(
        self,
        model: Any,
        *,
        optimizer: Literal["sgd", "adam"] = "sgd",
        smoothing: float = 0.0,
        by_hand: bool = False,
    ) -> None:
        """`by_hand`: its steps are `upslope.twins.steps.train_step`, with Keras on PyTorch only."""
        self.model, self.by_hand = model, by_hand
        self.optimizer = (
            keras.optimizers.SGD(1.0, momentum=MOMENTUM) if optimizer == "sgd" else DenseAdam(1.0, epsilon=EPSILON)
        )
        own = partial(sparse_smoothed_cross_entropy, smoothing=smoothing)
        self.loss = own if smoothing else keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        # XLA on a processor takes twice the time for these convolutions.
        model.compile(optimizer=self.optimizer, loss=self.loss, jit_compile=False)

    def learn(self, inputs: Tensor, labels: Tensor, *, lr: float) -> float:
        """The loss of a batch, pictures (B, C, H, W) or tokens (B, T), before the step."""
        self.optimizer.learning_rate = lr
        if self.by_hand:
            batch = (as_in_keras(inputs), labels.numpy())
            return float(train_step(self.model, *batch, loss=self.loss, optimizer=self.optimizer))
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
