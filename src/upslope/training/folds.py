"""Cross-validation in one run: several tasks side by side, each trained without some of the groups.

    folds = Folds(tasks, without=((0,), (1,), (2,)), column="speaker")

Of every batch each task takes the rows of the other groups. A row is predicted by the task that was trained without its
group, so the accuracy over all rows is that for people who were not in training. A last task may leave out nobody: the
others say what to expect of it, and it is the one that is saved. After T. Hastie, R. Tibshirani, J. Friedman, "The
Elements of Statistical Learning", 2009, section 7.10.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from upslope.data.loading.dataset import Dataset
from upslope.features import ClassLabel
from upslope.models.build import Built
from upslope.runs.model_spec import ModelSpec
from upslope.runs.run import Run
from upslope.training.batches import Batch
from upslope.training.tasks.task import Task


class Folds(Task):
    """Several tasks of one kind with one set of rows; `column` holds the group of each row."""

    def __init__(self, tasks: Sequence[Task], *, without: Sequence[tuple[int, ...]], column: str) -> None:
        """`without[i]` are the groups that task i does not learn from; on the first of them it is measured."""
        super().__init__(nn.ModuleList(task.model for task in tasks))
        if len(tasks) != len(without):
            raise ValueError(f"{len(tasks)} tasks leave out {len(without)} lists of groups")
        self.tasks, self.without, self.column = tuple(tasks), tuple(without), column

    @property
    def last(self) -> Task:
        """The task whose model is saved."""
        return self.tasks[-1]

    @property
    def predictor(self) -> nn.Module:
        """The model that is saved."""
        return self.last.predictor

    @property
    def trained(self) -> nn.Module:
        """The model whose parameters are counted and watched."""
        return self.last.trained

    def collate(self, rows: Dataset) -> Batch:
        """As the tasks do it."""
        return self.last.collate(rows)

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """The mean of the tasks' losses, each on its own rows."""
        losses = []
        for task, groups in zip(self.tasks, self.without, strict=True):
            rows = ~torch.isin(batch[self.column], torch.tensor(groups, device=batch[self.column].device))
            losses.append(task({name: value[rows] for name, value in batch.items()})["loss"])
        return {"loss": torch.stack(losses).mean()}

    def predict(self, dataset: Dataset) -> NDArray[np.float32]:
        """For each row what the task says that is measured on its group."""
        groups = np.asarray(dataset[self.column])
        measured = {left[0]: task for task, left in zip(self.tasks, self.without, strict=True) if left}
        found: NDArray[np.float32] | None = None
        for group in np.unique(groups):
            if int(group) not in measured:
                raise ValueError(f"every task learned from group {int(group)} of {self.column}")
            rows = np.flatnonzero(groups == group)
            part = measured[int(group)].predict(dataset.take(rows))
            found = np.empty((len(dataset), *part.shape[1:]), part.dtype) if found is None else found
            found[rows] = part
        assert found is not None
        return found

    def metrics(self, predictions: NDArray[np.float32], dataset: Dataset) -> dict[str, float]:
        """The tasks' metrics over all rows, by group (accuracy_theo), and the worst of them (accuracy_worst)."""
        feature = dataset.features[self.column]
        assert isinstance(feature, ClassLabel)
        found = self.last.metrics(predictions, dataset)
        for name in list(found):
            by_group = {}
            for group in np.unique(dataset[self.column]):
                rows = np.flatnonzero(dataset[self.column] == group)
                by_group[feature.names[group]] = self.last.metrics(predictions[rows], dataset.take(rows))[name]
            found |= {f"{name}_{group}": value for group, value in by_group.items()}
            found[f"{name}_worst"] = min(by_group.values())
        return found

    def report(self, run: Run[Any], predictions: NDArray[np.float32], dataset: Dataset, *, per_epoch: int) -> None:
        """As the tasks do it."""
        self.last.report(run, predictions, dataset, per_epoch=per_epoch)

    def spec(self, network: Built) -> ModelSpec:
        """Of the model that is saved."""
        return self.last.spec(network)
