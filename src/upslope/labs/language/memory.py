"""How far a recurrent network remembers: the gradient against distance, and two numbers far apart to be added.

S. Hochreiter, J. Schmidhuber, "Long Short-Term Memory", 1997, https://doi.org/10.1162/neco.1997.9.8.1735, experiment 4.
Q. Le, N. Jaitly, G. Hinton, 2015, https://arxiv.org/abs/1504.00941, for the comparison.

Claim: over 60 steps an LSTM and a GRU add two marked numbers with a mean squared error of at most 0.01, with every
seed, after less than a minute of training on 2 CPU cores (3 seeds); guessing their mean has 0.167.

- One picture shows, for four cells as they are drawn and for the one that was trained, how strongly an input acts on
  the last state, by the steps between them: for tanh it falls off as a straight line on a logarithmic axis.
- The same number of units, steps and examples for all; only the learning rate is the cell's own.
- Left out: longer sequences, orthogonal first weights, search for the best rate of every cell.

A gradient that vanishes teaches nothing: without gates (`gates=false`, the plain tanh network) the error stays that of
guessing.
"""

from typing import Any, Literal

import torch
from pydantic import Field, model_validator

from upslope.cards import Ablation, Expect, LabCard, Metric, discover
from upslope.models.build import built
from upslope.runs.reports import sequences
from upslope.runs.run import Run
from upslope.training.batches import Batches
from upslope.training.conclude import conclude
from upslope.training.config import TrainingConfig
from upslope.training.fit import fit, warmup_then_linear
from upslope.training.tasks.tabular_regression import TabularRegression, reach

KINDS = ("tanh", "irnn", "lstm", "gru")
RATES = {"tanh": 3e-3, "irnn": 1e-3, "lstm": 1e-2, "gru": 1e-2}


class Config(TrainingConfig):
    """Settings of this lab."""

    kind: Literal["lstm", "gru", "irnn"] = Field("lstm", description="the cell that learns to add")
    gates: bool = Field(True, description="false: the plain tanh network in the place of the cell")
    length: int = Field(60, ge=2, le=10_000, description="steps of a sequence")
    dim: int = Field(64, ge=1, le=4096, description="numbers in the state")
    steps: int = Field(1200, ge=1, le=1_000_000, description="how many batches are learned from")
    batch_size: int = Field(64, ge=1, le=5000, description="sequences per step")
    lr: float = Field(1e-2, gt=0, le=1, description="the highest learning rate (irnn: 0.001; without gates: 0.003)")
    clip: float = Field(1.0, gt=0, le=1e6, description="the largest norm of a gradient; longer ones are shortened")

    @model_validator(mode="before")
    @classmethod
    def _rate_of_the_cell(cls, given: dict[str, Any]) -> dict[str, Any]:
        """A network whose gradients are long needs short steps."""
        kind = given.get("kind") if str(given.get("gates", True)).lower() in ("true", "1", "yes", "on") else "tanh"
        return ({"lr": RATES[kind]} if kind in RATES else {}) | given


def run(config: Config, run: Run[Config]) -> None:
    """Look at four gradients, train one cell, test it, draw."""
    adding = discover("data")["adding"].load()
    train = adding.load("train", length=config.length, seed=config.seed)
    validation, test = (adding.load(split, length=config.length) for split in ("validation", "test"))
    networks = {kind: built("lstm-64", seed=config.seed, kind=kind, dim=config.dim) for kind in KINDS}
    kind = config.kind if config.gates else "tanh"
    network = networks[kind]
    task = TabularRegression(network.module, train=train)
    looked = task.table(test.take(slice(0, 100)))
    curves = {f"{name}, first weights": reach(each.module, looked) for name, each in networks.items()}
    batches = Batches(train, collate=task.collate, batch_size=config.batch_size, seed=config.seed)
    fit(
        run,
        task,
        batches,
        optimizer=torch.optim.Adam(network.module.parameters(), lr=config.lr),
        lr=warmup_then_linear(config.lr, total=config.steps, decay=0.5),
        steps=config.steps,
        validate=validation,
        validate_every=max(1, config.steps // 12),
        clip=config.clip,
    )
    curves[f"{kind}, trained"] = reach(network.module, looked)
    run.picture(
        "reach", sequences.reach(curves), "Across: steps between an input and the end. Down: a weaker gradient."
    )
    first = curves[f"{kind}, first weights"]
    conclude(
        run,
        task,
        test,
        network=network,
        per_epoch=batches.per_epoch,
        metrics={"first_reach": float(first[-1] / first[0])},
        watch={"recurrence_moved": "layers.weight_hh_l0"},
    )


WITHOUT = {"without gates": 0.172}
CARD = LabCard(
    name="memory",
    title="How far a recurrent network remembers",
    paper="Hochreiter and Schmidhuber 1997",
    claim=(
        "over 60 steps an LSTM and a GRU add two marked numbers with a mean squared error of at most 0.01, with every "
        "seed, after less than a minute of training on 2 CPU cores"
    ),
    domain="language",
    seconds={"smoke": 6, "laptop": 45, "full": 400},
    data=("adding",),
    expect=(
        Expect("test_mse", at_most=0.01, when={"length": 60, "kind": "lstm"}, ablations=WITHOUT),
        Expect("test_mse", at_most=0.01, when={"length": 60, "kind": "gru"}, ablations=WITHOUT),
    ),
    presets={
        "smoke": {"length": 8, "dim": 24, "steps": 250, "batch_size": 32},
        "laptop": {},
        "full": {"length": 150, "dim": 100, "steps": 6000},
    },
    metrics={
        "test_mse": Metric(higher_is_better=False, chance=0.167),
        "validation_mse": Metric(higher_is_better=False),
        "loss": Metric(higher_is_better=False),
        "first_reach": Metric(),
        "recurrence_moved": Metric(),
    },
    ablations=(Ablation(name="without gates", settings={"gates": False}),),
    variants={"": {}, "gru": {"kind": "gru"}},
    seeds=3,
)
