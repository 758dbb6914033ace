"""Training inside a run: Lightning's Trainer drives, and the steps it drives through are the run's own.

The trainer draws its batches from `run.steps`. So progress, metrics, checkpoints by the clock and an exact resume are
those of every other run; Lightning adds devices, processes and precision. Three lines in a lab:

    run.keep(model=Kept(model), optimiser=Kept(optimiser))
    learner = Learner(model, optimiser, loss=..., lr=...)
    fit(run, learner, batches, epochs=config.epochs, validate=...)
"""

import logging
import os
import signal
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import lightning as L
import torch
from torch import Tensor

from upslope.runs.follower import Followed, rank
from upslope.runs.run import Run
from upslope.training.batches import Batches
from upslope.training.config import TrainingConfig, use_threads
from upslope.training.launch import cluster, followers
from upslope.training.learner import Learner
from upslope.training.norms import SharedBatchNorm
from upslope.training.randomness import number

Validate = Callable[[], Mapping[str, float]]


def fit(
    run: Run[Any], learner: Learner, batches: Batches, *, epochs: int, validate: Validate | None = None, every: int = 10
) -> None:
    """Train for so many epochs; the mean loss of all processes is logged every few steps.

    `validate` is asked after each epoch, with the network in evaluation mode and without gradients; what it gives back
    is logged. In a process that only helps, this function does not return: it ends that process' lab.
    """
    config: TrainingConfig = run.config
    use_threads(config)
    steps = _Steps(run, batches, total=epochs * batches.per_epoch)
    with _calm(), followers(run):
        trainer = L.Trainer(
            accelerator=config.accelerator,
            devices=config.devices,
            num_nodes=config.nodes,
            precision="bf16-mixed" if config.precision == "bf16" else "32-true",
            max_epochs=1,
            callbacks=[_Log(run, steps, validate, every)],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
            **_together(config),
        )
        if len(steps):
            try:
                trainer.fit(learner, train_dataloaders=steps)
            except SystemExit as ended:  # Lightning makes one of Ctrl-C, and is deaf to the next
                signal.signal(signal.SIGINT, signal.default_int_handler)
                raise KeyboardInterrupt from ended
        steps.finish()
    if rank(config) > 0:
        raise Followed
    learner.eval()


def _together(config: TrainingConfig) -> dict[str, Any]:
    """How several processes work as one; nothing for a single one."""
    if config.processes == 1:
        return {}
    strategy: Any = config.strategy
    if strategy in {"auto", "ddp"}:
        strategy = L.pytorch.strategies.DDPStrategy(gradient_as_bucket_view=True)
    return {"strategy": strategy, "plugins": [*cluster(), SharedBatchNorm()]}


class _Steps:
    """What the trainer iterates over: the steps that are left of the run, each with this process' part of its batch.

    It has a length, so Lightning asks for a batch only when the step before it is done: between the two the run makes
    its checkpoints.
    """

    def __init__(self, run: Run[Any], batches: Batches, *, total: int) -> None:
        self.run, self.batches, self.total = run, batches, total
        self.now = run.step
        self._process, self._of = rank(run.config), run.config.processes
        self._stream: Iterator[int] = iter(())

    def __len__(self) -> int:
        return self.total - self.run.step

    def __iter__(self) -> Iterator[tuple[int, Tensor, Tensor]]:
        self._stream = self.run.steps(self.total, per_epoch=self.batches.per_epoch)
        for step in self._stream:
            self.now = step
            torch.manual_seed(number(self.run.config.seed, step, self._process))
            yield (step, *self.batches.at(step, process=self._process, of=self._of))

    def finish(self) -> None:
        """Let the run do what follows the last step: nobody asks for a batch after it."""
        for _ in self._stream:
            raise AssertionError("the trainer left steps undone")


class _Log(L.Callback):
    """After each step: the loss, and after each epoch what validation says."""

    def __init__(self, run: Run[Any], steps: _Steps, validate: Validate | None, every: int) -> None:
        self.run, self.steps, self.validate, self.every = run, steps, validate, every

    def on_train_batch_end(
        self, trainer: L.Trainer, module: L.LightningModule, outputs: Any, batch: Any, index: int
    ) -> None:
        step = self.steps.now
        if step % self.every == 0:
            loss = outputs["loss"] if isinstance(outputs, Mapping) else outputs
            self.run.log(step, loss=float(trainer.strategy.reduce(loss.detach(), reduce_op="mean")))
        if step % self.steps.batches.per_epoch == 0 and self.validate is not None and trainer.is_global_zero:
            module.eval()
            with torch.no_grad():
                self.run.log(step, **self.validate())
            module.train()


@contextmanager
def _calm() -> Iterator[None]:
    """Lightning's notes and advice for other set-ups stay off the screen; its errors do not."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric", "lightning")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"lightning\..*")
        warnings.filterwarnings("ignore", message=r".*lightning.*", category=UserWarning)
        # Weights that see one channel lie the same way in memory under two names for it.
        warnings.filterwarnings("ignore", message="Grad strides do not match bucket view strides")
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        os.environ.setdefault("LIGHTNING_DISABLE_TIPS", "1")
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
