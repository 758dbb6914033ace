"""Induction heads: two layers of attention learn to continue a text by looking up how it went on before.

C. Olsson et al., "In-context Learning and Induction Heads", 2022, https://arxiv.org/abs/2209.11895.

Claim: after a minute of training on 2 CPU cores a network of two layers of attention and nothing else says at least
99 % of the letters of a repetition rightly, and one layer stays below 30 %, with every seed (3 seeds).

- The letters are random and new in each text, so weights can hold none of them: what is learned is how to look.
- Two pictures show who looks where. A head of the first layer writes to each place which letter stood before it; the
  induction head of the second looks for the place that says "before me stood the letter that you are", and copies.
- Left out: MLPs, texts of a language, and the paper's evidence that large models do the same.

The halves have different lengths, so no fixed distance helps; one layer (`depth=1`) can then tell that a letter was
said before, and not what it followed.
"""

from typing import Literal

import numpy as np
import torch
from pydantic import Field

from upslope.cards import Ablation, Expect, LabCard, Metric, discover
from upslope.data.loading.splits import splits
from upslope.models.build import built
from upslope.runs.run import Run
from upslope.training.batches import Batches
from upslope.training.conclude import conclude
from upslope.training.config import TrainingConfig
from upslope.training.fit import fit, warmup_then_linear
from upslope.training.tasks.repeated_text import RepeatedText


class Config(TrainingConfig):
    """Settings of this lab."""

    data: Literal["repetition", "toy"] = Field("repetition", description="toy has short halves")
    depth: int = Field(2, ge=1, le=12, description="layers of attention")
    heads: int = Field(4, ge=1, le=64, description="heads of each layer; they share its numbers")
    dim: int = Field(64, ge=1, le=4096, description="numbers at each place")
    steps: int = Field(600, ge=1, le=1_000_000, description="how many batches are learned from")
    batch_size: int = Field(64, ge=1, le=5000, description="texts per step")
    lr: float = Field(3e-3, gt=0, le=1, description="the highest learning rate")


def run(config: Config, run: Run[Config]) -> None:
    """Train on repetitions, test on others, show the heads."""
    train, validation, test = splits(config.data, toy="repetition", rng=np.random.default_rng(config.seed))
    if config.data == "repetition" and config.seed:
        train = discover("data")["repetition"].load().load("train", seed=config.seed)
    network = built("attention-only-2", seed=config.seed, depth=config.depth, heads=config.heads, dim=config.dim)
    task = RepeatedText(network.module)
    batches = Batches(train, collate=task.collate, batch_size=config.batch_size, seed=config.seed)
    fit(
        run,
        task,
        batches,
        optimizer=torch.optim.AdamW(network.module.parameters(), lr=config.lr, weight_decay=0.01, betas=(0.9, 0.98)),
        lr=warmup_then_linear(config.lr, total=config.steps, decay=0.5, warmup=50),
        steps=config.steps,
        validate=validation.take(slice(0, 200)),
        validate_every=max(1, config.steps // 12),
    )
    watch = {"attention_moved": "layers.0.attention.qkv.weight"}
    conclude(run, task, test, network=network, per_epoch=batches.per_epoch, watch=watch)


SHARE = Metric(unit="%")
CARD = LabCard(
    name="induction",
    title="Induction heads",
    paper="Olsson et al. 2022",
    claim=(
        "after a minute of training on 2 CPU cores a network of two layers of attention and nothing else says at least "
        "99 % of the letters of a repetition rightly, and one layer stays below 30 %, with every seed"
    ),
    domain="language",
    seconds={"smoke": 6, "laptop": 50, "full": 400},
    data=("repetition",),
    expect=(
        Expect("test_repeated_accuracy", at_least=0.99, when={"data": "repetition"}, ablations={"one layer": 0.137}),
    ),
    presets={
        "smoke": {"data": "toy", "steps": 250, "batch_size": 32, "lr": 1e-2},
        "laptop": {},
        "full": {"steps": 4000, "depth": 4, "dim": 128},
    },
    metrics={
        "test_repeated_accuracy": Metric(unit="%", chance=0.016),
        "test_induction_score": SHARE,
        "test_previous_token_score": SHARE,
        "validation_repeated_accuracy": SHARE,
        "validation_induction_score": SHARE,
        "validation_previous_token_score": SHARE,
        "loss": Metric(unit="nats", higher_is_better=False, chance=4.159),  # ln 64
        "attention_moved": Metric(),
    },
    ablations=(Ablation(name="one layer", settings={"depth": 1}),),
    seeds=3,
)
