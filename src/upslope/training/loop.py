"""A training loop that stays visible, on Lightning's Fabric: for several optimizers, or an environment, in turns.

    with loop(run) as fabric:
        generator, g_optimizer = fabric.setup(generator, g_optimizer)
        run.register(generator=StateArrays(generator), g_optimizer=StateArrays(g_optimizer), ...)
        for step in seeded_steps(run, total, per_epoch=batches.per_epoch):
            batch = batch_at(run, batches, step, fabric)
            ...
            take_step(fabric, g_optimizer, loss)
            run.log(step, loss=loss)

Checkpoints, an exact resume, devices, processes and precision are those of `fit`. In a process that only helps, the
block does not end: leaving it ends that process' lab.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import lightning as L
from torch import Tensor

from upslope.runs.run import Run
from upslope.runs.worker_rank import Followed, rank
from upslope.training.batches import Batch, Source
from upslope.training.config import TrainingConfig, use_threads
from upslope.training.fit import calm, together
from upslope.training.processes import followers
from upslope.training.seeding import seed_step


@contextmanager
def loop(run: Run[Any]) -> Iterator[L.Fabric]:
    """Fabric with the run's accelerator, devices, processes and precision; the other processes are started."""
    config: TrainingConfig = run.config
    use_threads(config)
    with calm(), followers(run):
        fabric = L.Fabric(
            accelerator=config.accelerator,
            devices=config.devices,
            num_nodes=config.nodes,
            precision="bf16-mixed" if config.precision == "bf16" else "32-true",
            **together(config),
        )
        fabric.launch()
        yield fabric
    if rank(config) > 0:
        raise Followed


def seeded_steps(run: Run[Any], total: int, *, per_epoch: int | None = None) -> Iterator[int]:
    """The steps that are left of 1..total; before each PyTorch's generator is set from (seed, step, process)."""
    process = rank(run.config)
    for step in run.steps(total, per_epoch=per_epoch):
        seed_step(run.config.seed, step, process)
        yield step


def batch_at(run: Run[Any], batches: Source, step: int, fabric: L.Fabric) -> Batch:
    """This process' part of the batch of a step, on its device."""
    batch: Batch = fabric.to_device(batches.at(step, process=rank(run.config), of=run.config.processes))
    return batch


def take_step(fabric: L.Fabric, optimizer: Any, loss: Tensor) -> Tensor:
    """Forget, backward, one move of this optimizer's parameters; gives back the loss, detached."""
    optimizer.zero_grad()
    fabric.backward(loss)
    optimizer.step()
    return loss.detach()
