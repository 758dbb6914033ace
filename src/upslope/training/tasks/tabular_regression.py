"""Tabular regression: a table, a row for each step of a sequence, and one number about it."""

from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.data.loading.dataset import Dataset
from upslope.features import Sequence, Value
from upslope.models.build import Built
from upslope.runs import figures
from upslope.runs.model_spec import ModelSpec
from upslope.runs.reports import sequences
from upslope.runs.run import Run
from upslope.training.batches import Batch, as_tensor
from upslope.training.tasks.task import Task

PANELS = {"training loss": ("loss",), "validation error": ("validation_mse",)}


class TabularRegression(Task):
    """The squared error of a number; columns of the data that hold sequences are looked at, the one of values is it."""

    tag: ClassVar[str] = "tabular-regression"

    def __init__(self, model: nn.Module, *, train: Dataset) -> None:
        super().__init__(model)
        self.columns = tuple(name for name, each in train.features.items() if isinstance(each, Sequence))
        self.target = next(name for name, each in train.features.items() if isinstance(each, Value))
        self.length = len(train[self.columns[0]][0])

    def table(self, rows: Dataset) -> Float[Tensor, "B T C"]:
        """The tables of rows, all of one length."""
        columns = [rows[name] for name in self.columns]
        return torch.from_numpy(np.stack([each.values.reshape(len(rows), -1) for each in columns], axis=-1))

    def collate(self, rows: Dataset) -> Batch:
        """{"table": (B, T, C), "target": (B,)}."""
        return {"table": self.table(rows), "target": as_tensor(rows[self.target])}

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """The mean squared error of a batch."""
        return {"loss": F.mse_loss(self.says(batch["table"])[:, 0], batch["target"])}

    def predict(self, dataset: Dataset, *, batch_size: int = 500) -> NDArray[np.float32]:
        """The number of each table: (N,)."""
        with self.asking() as model:
            device = next(model.parameters()).device
            parts = [
                model(self.table(dataset.take(slice(first, first + batch_size))).to(device))[:, 0].float().cpu()
                for first in range(0, len(dataset), batch_size)
            ]
        return torch.cat(parts).numpy()

    def metrics(self, predictions: NDArray[np.float32], dataset: Dataset) -> dict[str, float]:
        """The mean squared error."""
        return {"mse": float(((predictions.astype(np.float64) - dataset[self.target]) ** 2).mean())}

    def report(self, run: Run[Any], predictions: NDArray[np.float32], dataset: Dataset, *, per_epoch: int) -> None:
        """Curves, and what was said beside what was true."""
        run.picture("curves", figures.curves(run.logged(), PANELS, smooth=10))
        drawn = sequences.said_and_true(predictions, dataset[self.target], self.target)
        run.picture("predictions", drawn, "On the line what was said is true.")

    def spec(self, network: Built) -> ModelSpec:
        """A table (T, C) in, a number out."""
        return ModelSpec(
            task=self.tag,
            model=network.model,
            arguments=network.arguments,
            inputs={"table": {"shape": [self.length, len(self.columns)], "dtype": "float32"}},
            outputs={"value": {"shape": [1]}},
            preprocessing={"columns": list(self.columns), "target": self.target},
        )


def reach(model: nn.Module, x: Float[Tensor, "B T C"]) -> NDArray[np.float64]:
    """How strongly each step acts on what is said at the end: the norm of the gradient, (T,), the last step first."""
    x = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(model(x).sum(), x)
    norms: NDArray[np.float64] = gradient.double().norm(dim=-1).mean(dim=0).flip(0).numpy()
    return norms
