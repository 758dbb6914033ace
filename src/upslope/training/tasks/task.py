"""A task: one kind of problem, with what is the same for every model and data set that solves it.

    task = ImageClassification(model, train=train)
    batches = Batches(train, collate=task.collate, batch_size=128, seed=seed)
    fit(run, task, batches, optimizer=optimizer, lr=schedule, epochs=8, validate=validation)
    predictions, metrics = evaluate(task, test, "test")

After the `task` package of timm (R. Wightman): `forward` takes a batch and gives a dict with the loss in it, so one
training loop serves every objective.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from upslope.data.loading.dataset import Dataset
from upslope.models.build import Built
from upslope.runs.model_spec import ModelSpec
from upslope.runs.run import Run
from upslope.training.averaging import AveragedWeights
from upslope.training.batches import Batch, stack


class Task(nn.Module, ABC):
    """A model with its objective. Sub-classes say what a batch is, what the loss is, and what is measured and drawn."""

    tag: ClassVar[str]  # Hugging Face's: "image-classification"
    ends_if_diverged: ClassVar[bool] = False  # whether a loss that is nan or infinite ends the run

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.average: AveragedWeights | None = None  # where there is one, it is what predicts

    @property
    def predictor(self) -> nn.Module:
        """The network that is asked: the one with averaged weights where they are kept, else the one that trains."""
        return self.average.module if self.average is not None else self.model

    @property
    def trained(self) -> nn.Module:
        """The network whose parameters are counted and watched."""
        return self.model

    def collate(self, rows: Dataset) -> Batch:
        """The rows of a batch as a tree of tensors whose first dimension counts the samples."""
        return stack(rows)

    @abstractmethod
    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """The loss of a batch, {"loss": ...}, and under other names the parts that are worth logging; scalars."""

    @abstractmethod
    def predict(self, dataset: Dataset) -> Any:
        """What the predictor says about each sample, in evaluation mode and without gradients."""

    @abstractmethod
    def metrics(self, predictions: Any, dataset: Dataset) -> dict[str, float]:
        """How good predictions are, by name."""

    @abstractmethod
    def report(self, run: Run[Any], predictions: Any, dataset: Dataset, *, per_epoch: int) -> None:
        """The figures of a finished run."""

    def calibrate(self, validation: Dataset) -> None:
        """Keep of validation data what the spec should hold of them. Nothing, where a task does not say otherwise."""
        return

    @abstractmethod
    def spec(self, network: Built) -> ModelSpec:
        """How the model is built again and fed; what `upslope predict` and `export` go by."""

    def says(self, *inputs: Any, by: nn.Module | None = None) -> Any:
        """What the model (or another network) says, in 32 bits: a loss is computed of no less.

        With `precision=bf16` a network multiplies in 16 bits; logarithms, exponentials and means of its outputs in so
        few would put an error of its own into every gradient.
        """
        return in_float32((by or self.model)(*inputs))

    @contextmanager
    def asking(self) -> Iterator[nn.Module]:
        """The predictor in evaluation mode, without gradients; afterwards it is as it was."""
        predictor = self.predictor
        before = predictor.training
        predictor.eval()
        with torch.no_grad():
            yield predictor
        predictor.train(before)


def in_float32(outputs: Any) -> Any:
    """A tree of tensors (a tensor, a tuple, a named tuple, a dict) with every one of fewer bits in 32."""
    return pytree.tree_map_only(Tensor, _widened, outputs)


def _widened(x: Tensor) -> Tensor:
    return x.float() if x.dtype in (torch.bfloat16, torch.float16) else x


def evaluate(task: Task, dataset: Dataset, split: str) -> tuple[Any, dict[str, float]]:
    """Predictions, and metrics with the split in front: {"test_accuracy": ...}."""
    predictions = task.predict(dataset)
    return predictions, {f"{split}_{name}": value for name, value in task.metrics(predictions, dataset).items()}
