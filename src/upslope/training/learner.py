"""The LightningModule: a task with its optimizer and learning rate schedule."""

from collections.abc import Callable
from typing import Any

import lightning as L
import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from upslope.blocks.training import training_step
from upslope.runs.errors import ConfigProblem, Diverged
from upslope.training.batches import Batch, share
from upslope.training.tasks.task import Task


class Learner(L.LightningModule):
    """A task that learns from (step, batch) by `blocks.training.training_step`.

    `lr(step)` is the learning rate of a step, counted from 1. The optimizer is made by the lab, so that the run can
    keep its state before Lightning sees it. `clip` is the largest norm of all gradients together, 0 for any;
    `accumulate` is the number of parts whose gradients make one step, so that a batch may be larger than memory.
    """

    def __init__(
        self,
        task: Task,
        optimizer: torch.optim.Optimizer,
        *,
        lr: Callable[[int], float] | None = None,
        clip: float = 0.0,
        accumulate: int = 1,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.task, self.optimizer, self.lr, self.clip, self.accumulate = task, optimizer, lr, clip, accumulate
        # By how much each group's learning rate differs from the optimizer's first one.
        self._scales = [group["lr"] / optimizer.param_groups[0]["lr"] for group in optimizer.param_groups]
        self.parts: dict[str, Tensor] = {}  # of the last step's loss, for the log

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """The lab's own."""
        return self.optimizer

    def training_step(self, batch: tuple[int, Batch], index: int) -> Tensor:
        """One step; Lightning's wrappers bring in precision, devices and the other processes."""
        step, whole = batch
        if self.lr is not None:
            for group, scale in zip(self.optimizer.param_groups, self._scales, strict=True):
                group["lr"] = self.lr(step) * scale
        size = len(pytree.tree_leaves(whole)[0])
        if size % self.accumulate:
            raise ConfigProblem(f"accumulate={self.accumulate} does not divide the {size} samples of a batch")
        pieces = [share(whole, process=n, of=self.accumulate) for n in range(self.accumulate)]
        losses = [
            self._learn(piece, step=step, first=n == 0, last=n + 1 == len(pieces)) for n, piece in enumerate(pieces)
        ]
        if self.task.average is not None:
            self.task.average.update()
        return torch.stack(losses).mean()

    def _learn(self, batch: Batch, *, step: int, first: bool, last: bool) -> Tensor:
        def loss(outputs: dict[str, Tensor], _: object) -> Tensor:
            if self.task.ends_if_diverged:
                _refuse_diverged(outputs, step=step)
            self.parts = {name: value.detach() for name, value in outputs.items() if name != "loss"}
            return outputs["loss"]

        def backward(error: Tensor) -> None:
            self.manual_backward(error / self.accumulate)
            if last and self.clip:
                nn.utils.clip_grad_norm_(self.parameters(), self.clip)

        optimizer: Any = self.optimizers()
        taught: Any = training_step  # it knows tensors; here the inputs are a batch, and the labels are in it
        moved: Tensor = taught(
            self.task,
            batch,
            None,
            loss=loss,
            optimizer=_Turn(optimizer, first=first, last=last),
            backward=backward,
        )
        return moved


def _refuse_diverged(outputs: dict[str, Tensor], *, step: int) -> None:
    """End the run before a step that would spoil the weights, so that its last checkpoint stays good."""
    for name, value in outputs.items():
        if not value.isfinite():
            raise Diverged(
                f"{name} is {value.item():g} at step {step}: the training diverged, and the weights of the last "
                "checkpoint are kept; try a smaller learning rate"
            )


class _Turn:
    """An optimizer for one of several parts of a batch: it forgets before the first and moves after the last."""

    def __init__(self, optimizer: Any, *, first: bool, last: bool) -> None:
        self.optimizer, self.first, self.last = optimizer, first, last

    def zero_grad(self) -> None:
        """Forget the gradients, before the first part."""
        if self.first:
            self.optimizer.zero_grad()

    def step(self) -> None:
        """Move, after the last part."""
        if self.last:
            self.optimizer.step()
