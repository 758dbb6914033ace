"""Training inside a run: Lightning's Trainer with our checkpoints.

The trainer draws its batches from `run.steps`. So progress, metrics, checkpoints by the clock and an exact resume are
those of every other run; Lightning adds devices, processes and precision. Two lines in a lab:

    batches = Batches(train, collate=task.collate, batch_size=config.batch_size, seed=config.seed)
    fit(run, task, batches, optimizer=optimizer, lr=schedule, epochs=config.epochs, validate=validation)
"""

import logging
import os
import signal
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

import lightning as L
import torch

from upslope.blocks.schedules import warmup_cosine
from upslope.data.loading.dataset import Dataset
from upslope.runs.interruption import Terminated
from upslope.runs.run import Run
from upslope.runs.worker_rank import Followed, rank
from upslope.training.averaging import AveragedWeights
from upslope.training.batches import Batch, Source
from upslope.training.config import TrainingConfig, compiled, use_threads
from upslope.training.learner import Learner
from upslope.training.processes import cluster, followers
from upslope.training.seeding import seed_step
from upslope.training.state import StateArrays
from upslope.training.sync_batch_norm import SharedBatchNorm
from upslope.training.tasks.task import Task, evaluate

Validate = Callable[[], Mapping[str, float]]


def fit(
    run: Run[Any],
    task: Task,
    batches: Source,
    *,
    optimizer: torch.optim.Optimizer,
    epochs: int = 1,
    steps: int = 0,
    lr: Callable[[int], float] | None = None,
    validate: Dataset | Validate | None = None,
    validate_every: int = 0,
    log_every: int = 10,
    clip: float = 0.0,
    accumulate: int = 1,
    average: AveragedWeights | None = None,
) -> None:
    """Train for so many epochs, or `steps`; the mean loss of all processes is logged every `log_every` steps.

    What training changes is kept by the run here: the task's model, the optimizer, the average. `lr(step)` is the
    learning rate of a step, counted from 1. `validate` is a data set whose metrics are logged as validation_NAME, or a
    function that gives what to log; it is asked after each epoch, or every `validate_every` steps, with the model in
    evaluation mode and without gradients. `clip` bounds the norm of the gradients, `accumulate` computes a batch in so
    many parts; an `average` follows the weights and is what evaluates. In a process that only helps, this function does
    not return: it ends that process' lab.
    """
    config: TrainingConfig = run.config
    use_threads(config)
    task.average = average
    kept = {"model": StateArrays(task.model), "optimizer": StateArrays(optimizer)}
    run.register(**kept, **({"average": StateArrays(average.module)} if average is not None else {}))
    if config.compile:
        compiled(task.model)
    learner = Learner(task, optimizer, lr=lr, clip=clip, accumulate=accumulate)
    stream = _Steps(run, batches, total=steps or epochs * batches.per_epoch)
    log = _Log(run, stream, _validation(task, validate), log_every, validate_every or batches.per_epoch)
    with calm(), followers(run):
        trainer = L.Trainer(
            accelerator=config.accelerator,
            devices=config.devices,
            num_nodes=config.nodes,
            precision="bf16-mixed" if config.precision == "bf16" else "32-true",
            max_epochs=1,
            callbacks=[log],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
            **together(config),
        )
        if len(stream):
            try:
                trainer.fit(learner, train_dataloaders=stream)
            except Terminated:
                raise
            except SystemExit as ended:  # Lightning makes one of Ctrl-C, and is deaf to the next
                signal.signal(signal.SIGINT, signal.default_int_handler)
                raise KeyboardInterrupt from ended
        stream.finish()
    if rank(config) > 0:
        raise Followed
    task.eval()


def warmup_then_cosine(peak: float, *, total: int, warmup: float) -> Callable[[int], float]:
    """Up to `peak` in the share `warmup` of `total` steps, then down to 0 along half a cosine; steps count from 1."""
    return lambda step: peak * warmup_cosine(step - 1, total=total, warmup=int(warmup * total))


def warmup_then_linear(peak: float, *, total: int, decay: float, warmup: int = 20) -> Callable[[int], float]:
    """Up to `peak` in `warmup` steps, and down to about 0 in a straight line over the last share `decay` of `total`."""
    return lambda step: peak * min(1.0, step / min(warmup, total), (total - step + 1) / (decay * total + 1))


def _validation(task: Task, validate: Dataset | Validate | None) -> Validate | None:
    if isinstance(validate, Dataset):
        return lambda: evaluate(task, validate, "validation")[1]
    return validate


def together(config: TrainingConfig) -> dict[str, Any]:
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

    def __init__(self, run: Run[Any], batches: Source, *, total: int) -> None:
        self.run, self.batches, self.total = run, batches, total
        self.now = run.step
        self._process, self._of = rank(run.config), run.config.processes
        self._stream: Iterator[int] = iter(())

    def __len__(self) -> int:
        return self.total - self.run.step

    def __iter__(self) -> Iterator[tuple[int, Batch]]:
        self._stream = self.run.steps(self.total, per_epoch=self.batches.per_epoch)
        for step in self._stream:
            self.now = step
            seed_step(self.run.config.seed, step, self._process)
            yield step, self.batches.at(step, process=self._process, of=self._of)

    def finish(self) -> None:
        """Let the run do what follows the last step: nobody asks for a batch after it."""
        for _ in self._stream:
            raise AssertionError("the trainer left steps undone")


class _Log(L.Callback):
    """After some steps the loss and its parts, and after others what validation says."""

    def __init__(
        self, run: Run[Any], steps: _Steps, validate: Validate | None, log_every: int, validate_every: int
    ) -> None:
        self.run, self.steps, self.validate = run, steps, validate
        self.log_every, self.validate_every = log_every, validate_every

    def on_train_batch_end(
        self, trainer: L.Trainer, module: L.LightningModule, outputs: Any, batch: Any, index: int
    ) -> None:
        step = self.steps.now
        if step % self.log_every == 0:
            loss = outputs["loss"] if isinstance(outputs, Mapping) else outputs
            parts = {"loss": loss.detach(), **cast(Learner, module).parts}
            self.run.log(
                step, **{name: float(trainer.strategy.reduce(x, reduce_op="mean")) for name, x in parts.items()}
            )
        if step % self.validate_every == 0 and self.validate is not None and trainer.is_global_zero:
            module.eval()
            with torch.no_grad():
                self.run.log(step, **self.validate())
            module.train()


@contextmanager
def calm() -> Iterator[None]:
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
