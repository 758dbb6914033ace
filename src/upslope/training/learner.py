"""What Lightning trains: a network with its loss, its optimiser and its learning rate over time."""

from collections.abc import Callable
from typing import Any

import lightning as L
import torch
from lightning.pytorch.core.optimizer import LightningOptimizer
from torch import Tensor, nn

from upslope.blocks.training import training_step


class Learner(L.LightningModule):
    """A network that learns from (step, inputs, labels) by `blocks.training.training_step`.

    `lr(step)` is the learning rate of a step, counted from 1. The optimiser is made by the lab, so that the run can
    keep its state before Lightning sees it.
    """

    def __init__(
        self,
        model: nn.Module,
        optimiser: torch.optim.Optimizer,
        *,
        loss: Callable[[Tensor, Tensor], Tensor],
        lr: Callable[[int], float],
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.model, self.optimiser, self.loss, self.lr = model, optimiser, loss, lr

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """The lab's own."""
        return self.optimiser

    def training_step(self, batch: tuple[int, Tensor, Tensor], index: int) -> Tensor:
        """One step; Lightning's wrappers bring in precision, devices and the other processes."""
        step, inputs, labels = batch
        for group in self.optimiser.param_groups:
            group["lr"] = self.lr(step)
        optimiser: Any = self.optimizers()
        assert isinstance(optimiser, LightningOptimizer)
        return training_step(
            self.model, inputs, labels, loss=self.loss, optimiser=optimiser, backward=self.manual_backward
        )
