"""Several networks that learn the same task side by side: one batch after the other goes through all of them.

The loop is a visible one (`training/loop.py`), so checkpoints, the exact resume, devices and precision are those of
every run. Each network has an optimizer and a learning rate of its own, and a clock of its own: what the others cost
is not counted. Dropout is drawn from (seed, step) for each anew, so a network learns the same alone and in company.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from upslope.blocks.schedules import warmup_cosine
from upslope.data.loading.dataset import Dataset
from upslope.models.build import Built, find
from upslope.models.summary import examine
from upslope.runs.clock import Clock
from upslope.runs.reports import architectures
from upslope.runs.run import Run
from upslope.runs.worker_rank import rank
from upslope.training.batches import Source
from upslope.training.loop import batch_at, loop, take_step
from upslope.training.seeding import seed_step
from upslope.training.state import StateArrays
from upslope.training.tasks.task import Task, evaluate

LOG_EVERY = 5  # steps


@dataclass
class Entrant:
    """A network that learns beside others: its size's name, its year, its task, and how it learns."""

    size: str
    year: int
    network: Built
    task: Task
    lr: float
    seconds: float = 0.0  # of training, once it has trained
    validation: float = 0.0  # the accuracy after the last epoch
    field: float = 0.0  # how far a place of its last maps sees, in pixels
    multiply_adds: int = 0

    def __post_init__(self) -> None:
        """Found out without memory, before anything is trained."""
        whole = examine(*find(self.size))
        self.field, self.multiply_adds = whole.field_of_maps() or 0.0, whole.multiply_adds


def train(
    run: Run[Any],
    entrants: Mapping[str, Entrant],
    batches: Source,
    *,
    epochs: int,
    validation: Dataset,
    warmup: float = 0.1,
    weight_decay: float = 0.02,
) -> None:
    """Train all with AdamW and one schedule, each under its own learning rate; validate after each epoch."""
    total, clock, ready = epochs * batches.per_epoch, Clock(*entrants), {}
    with loop(run) as fabric:
        kept: dict[str, Any] = {"clock": clock}
        for name, one in entrants.items():
            learned = [p for p in one.network.module.parameters() if p.requires_grad]
            adam = torch.optim.AdamW(learned, lr=one.lr, weight_decay=weight_decay)
            one.task.to(fabric.device)
            one.task.model, optimizer = fabric.setup(one.network.module, adam)
            ready[name] = (one, optimizer)
            kept |= {name: StateArrays(one.network.module), f"{name}_optimizer": StateArrays(adam)}
        run.register(**kept)
        for step in run.steps(total, per_epoch=batches.per_epoch):
            batch = batch_at(run, batches, step, fabric)
            share = warmup_cosine(step - 1, total=total, warmup=int(warmup * total))
            losses = {}
            for name, (one, optimizer) in ready.items():
                seed_step(run.config.seed, step, rank(run.config))
                with clock.running(name):
                    optimizer.param_groups[0]["lr"] = one.lr * share
                    losses[name] = float(take_step(fabric, optimizer, one.task.train()(batch)["loss"]))
            if step % LOG_EVERY == 0:
                run.log(step, **mean("loss", losses))
            if step % batches.per_epoch == 0 and fabric.is_global_zero:
                run.log(
                    step,
                    **mean("validation_accuracy", {name: right(one, validation) for name, one in entrants.items()}),
                )
    for name, one in entrants.items():
        one.task.model, one.seconds = one.network.module, clock.seconds[name]
        one.validation = right(one, validation)


def right(one: Entrant, dataset: Dataset) -> float:
    """The share of right answers."""
    return evaluate(one.task, dataset, "it")[1]["it_accuracy"]


def mean(what: str, values: Mapping[str, float]) -> dict[str, float]:
    """A metric's mean over all networks, and each network's, if there are several."""
    each = {f"{name}_{what}": value for name, value in values.items()} if len(values) > 1 else {}
    return {what: sum(values.values()) / len(values), **each}


def compare(run: Run[Any], entrants: Mapping[str, Entrant], test: Dataset) -> list[dict[str, Any]]:
    """Each on the test set: the table and the picture of what accuracy costs."""
    found: Sequence[architectures.Architecture] = [
        architectures.Architecture(
            name=name,
            year=one.year,
            accuracy=right(one, test),
            parameters=sum(p.numel() for p in one.network.module.parameters()),
            multiply_adds=one.multiply_adds,
            seconds=one.seconds,
            field=one.field,
        )
        for name, one in entrants.items()
    ]
    return architectures.compare(run, found)
