"""Classification of anything: cross-entropy, probabilities and accuracy, whatever the network looks at.

A subclass says what that is: `inputs` makes tensors of rows, and `logits` may prepare them for the network.
"""

from abc import abstractmethod
from typing import Any, ClassVar, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from upslope.blocks.losses import smoothed_cross_entropy
from upslope.data.loading.dataset import Dataset
from upslope.runs import out_of_distribution
from upslope.runs.reports import classification
from upslope.training.batches import Batch, as_tensor
from upslope.training.tasks.task import Task, in_float32


class Classification(Task):
    """One of several classes for each row, by cross-entropy with smoothed labels; the data have a column `label`."""

    looks_at: ClassVar[str]  # the name under which a batch holds what the network looks at

    def __init__(
        self, model: nn.Module, *, classes: tuple[str, ...], label_smoothing: float = 0.0, precision: str = "32"
    ) -> None:
        super().__init__(model)
        self.classes, self.label_smoothing, self.precision = classes, label_smoothing, precision
        self.typical: dict[str, Any] | None = None  # of the logits, once there are validation data

    @abstractmethod
    def inputs(self, rows: Dataset) -> Tensor:
        """What the network looks at, (B, ...)."""

    def logits(self, model: nn.Module, x: Tensor) -> Float[Tensor, "B K"]:
        """What a network says of inputs."""
        return cast(Tensor, model(x))

    def collate(self, rows: Dataset) -> Batch:
        """The inputs under their name, and "label": (B,)."""
        return {self.looks_at: self.inputs(rows), "label": as_tensor(rows["label"])}

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """The cross-entropy of a batch; of auxiliaries, which leave in training, as much as the network says."""
        given: Tensor | dict[str, Tensor] = self.logits(self.model, batch[self.looks_at])
        if isinstance(given, Tensor):
            return {"loss": self._loss(given, batch["label"])}
        counts: dict[str, float] = {"logits": 1.0, **cast(Any, self.trained).auxiliary_weights}
        losses = {name: self._loss(scores, batch["label"]) for name, scores in given.items()}
        return {"loss": torch.stack([counts[name] * loss for name, loss in losses.items()]).sum()}

    def _loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        return smoothed_cross_entropy(in_float32(logits), labels, smoothing=self.label_smoothing)

    def calibrate(self, validation: Dataset) -> None:
        """Keep what is typical of the logits, by which `upslope predict` doubts what shows none of the classes."""
        self.typical = out_of_distribution.fit(self._asked(validation).numpy(), validation["label"])

    def output(self) -> dict[str, Any]:
        """What the spec says of the logits."""
        return {"classes": list(self.classes)} | ({"typical": self.typical} if self.typical is not None else {})

    def predict(self, dataset: Dataset, *, batch_size: int = 500) -> classification.Probabilities:
        """The probability of each class: (N, classes)."""
        return self._asked(dataset, batch_size=batch_size).softmax(dim=1).numpy()

    def _asked(self, dataset: Dataset, *, batch_size: int = 500) -> Float[Tensor, "N K"]:
        """The logits of all samples."""
        with self.asking() as model:
            device = next(model.parameters()).device
            parts = [torch.empty(0, len(self.classes))]
            for first in range(0, len(dataset), batch_size):
                x = self.inputs(dataset.take(slice(first, first + batch_size))).to(device)
                with torch.autocast(device.type, dtype=torch.bfloat16, enabled=self.precision == "bf16"):
                    parts.append(self.logits(model, x).float().cpu())
        return torch.cat(parts)

    def metrics(self, predictions: classification.Probabilities, dataset: Dataset) -> dict[str, float]:
        """The share of right answers."""
        return {"accuracy": classification.accuracy(predictions, dataset["label"])}
