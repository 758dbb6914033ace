"""Verse: an LSTM or a GPT learns Shakespeare's lines, and how many of the lines that it writes scan is counted.

A. Karpathy, "The Unreasonable Effectiveness of Recurrent Neural Networks", 2015,
https://karpathy.github.io/2015/05/21/rnn-effectiveness/. Metre: Hopkins, Kiela 2017, https://aclanthology.org/P17-1016/.

Claim: of 1,000 lines that a GPT writes at a temperature of 0.4 at least 40 % scan, and an LSTM predicts Othello with at
most 1.7 nats a character, with every seed (3 seeds).

- Nobody tells the network what a syllable is: it sees characters, and metre is in the order of the words. Of Othello's
  lines 71 % scan, as pentameters by the stresses of a dictionary (`upslope.text.meter`).
- The temperature was chosen by lines that follow the training text; at a temperature of 1, freely, fewer scan.
- Kneser-Ney counts the same characters, and its lines are judged, too. Left out: rhyme (`upslope app poet`).

With the lines of the training broken elsewhere (`verse=rebroken`) the same text is learned, and no line of verse.
"""

from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field, model_validator

from upslope.blocks.language.muon import muon_and_adamw
from upslope.cards import Ablation, Expect, LabCard, Metric, discover
from upslope.data.loading.splits import splits
from upslope.models.build import built
from upslope.runs.run import Run
from upslope.training.batches import TokenWindows
from upslope.training.conclude import conclude
from upslope.training.config import TrainingConfig
from upslope.training.fit import fit, warmup_then_linear
from upslope.training.tasks.text_generation import TextGeneration

LSTM = {"window": 64, "batch_size": 32, "steps": 1600, "lr": 6e-3, "temperature": 0.7}  # by AdamW; a GPT by Muon
CONTEXT, ORDER = 128, 7  # characters that the finished network reads, and Kneser-Ney


class Config(TrainingConfig):
    """Settings of this lab."""

    data: Literal["shakespeare", "toy"] = Field("shakespeare", description="toy is generated")
    kind: Literal["gpt", "lstm"] = Field("gpt", description="the network that learns")
    verse: Literal["as it is", "shuffled", "rebroken"] = Field("as it is", description="the lines that it learns from")
    steps: int = Field(1200, ge=1, le=1_000_000, description="how many batches are learned from (lstm: 1600)")
    batch_size: int = Field(16, ge=1, le=5000, description="windows of text per step (lstm: 32)")
    window: int = Field(128, ge=2, le=CONTEXT, description="characters of a window (lstm: 64)")
    dim: int = Field(128, ge=4, le=4096, multiple_of=4, description="numbers at a position, or in a state")
    lr: float = Field(0.02, gt=0, le=1, description="the highest learning rate (lstm: 0.006)")
    temperature: float = Field(0.4, gt=0, le=10, description="of the lines; low: what is likeliest (lstm: 0.7)")
    lines: int = Field(1000, ge=10, le=100_000, description="how many lines are sampled and judged")

    @model_validator(mode="before")
    @classmethod
    def _recipe(cls, given: dict[str, Any]) -> dict[str, Any]:
        """Each kind learns best with settings of its own."""
        return (LSTM if given.get("kind") == "lstm" else {}) | given


def run(config: Config, run: Run[Config]) -> None:
    """Train on windows of the text, test once, sample lines, judge their metre."""
    rng = np.random.default_rng(config.seed)
    train, validation, test = splits(config.data, toy="shakespeare", rng=rng)
    plays, sounds = (discover("data")[name].load() for name in ("shakespeare", "cmudict"))
    meter = sounds.meter(sounds.toy(rng=rng) if config.data == "toy" else sounds.load())
    learned = train if config.verse == "as it is" else getattr(plays, config.verse)(train, rng=rng)
    size, own = ("char-rnn-128", {}) if config.kind == "lstm" else ("gpt-characters", {"ngrams": (2,)})
    network = built(size, seed=config.seed, context=CONTEXT, dim=config.dim, **own)
    task = TextGeneration(network.module, precision=config.precision)
    batches = TokenWindows(task.tokens(learned), context=config.window, batch_size=config.batch_size, seed=config.seed)
    task.count(learned, order=ORDER)
    optimizer: torch.optim.Optimizer = torch.optim.AdamW(network.module.parameters(), lr=config.lr, weight_decay=0.01)
    if config.kind == "gpt":
        optimizer = muon_and_adamw(network.module, lr=config.lr, embedding_lr=config.lr / 2, head_lr=config.lr / 7)
    fit(
        run,
        task,
        batches,
        optimizer=optimizer,
        lr=warmup_then_linear(config.lr, total=config.steps, decay=0.7),
        steps=config.steps,
        validate=validation.take(slice(0, 300)),
        validate_every=max(1, config.steps // 5),
        clip=1.0,
    )
    how: dict[str, Any] = {"after": train["text"][-1], "seed": config.seed}
    written = task.lines(config.lines, **how, temperature=config.temperature)
    written |= {"free": task.lines(config.lines, **how)["network"], "real": test["text"]}
    metrics = {f"test_{name}_scan": meter.share(lines) for name, lines in written.items()}
    conclude(run, task, test, network=network, per_epoch=batches.per_epoch, metrics=metrics)


GPT = {"data": "shakespeare", "kind": "gpt"}
RNN = {"data": "shakespeare", "kind": "lstm"}
SHARE = Metric(unit="%")
NATS = Metric(unit="nats", higher_is_better=False)
CARD = LabCard(
    name="verse",
    title="Verse: characters in, pentameters out",
    paper="Karpathy 2015",
    claim=(
        "of 1,000 lines that a GPT writes at a temperature of 0.4 at least 40 % scan, and an LSTM predicts Othello "
        "with at most 1.7 nats a character, with every seed"
    ),
    domain="language",
    seconds={"smoke": 6, "laptop": 150, "full": 1500},
    data=("shakespeare", "cmudict"),
    expect=(
        Expect("test_network_scan", at_least=0.4, when=GPT, ablations={"lines rebroken": 0.286}),
        Expect("test_loss", at_most=1.7, when=RNN, ablations={"lines rebroken": 1.727}),
    ),
    presets={
        "smoke": {"data": "toy", "steps": 60, "batch_size": 8, "window": 64, "dim": 32, "lr": 0.06, "lines": 60},
        "laptop": {},
        "full": {"steps": 4000, "dim": 256},
    },
    metrics={
        "test_network_scan": SHARE,
        "test_free_scan": SHARE,
        "test_counted_scan": SHARE,
        "test_real_scan": SHARE,
        "test_bits_per_byte": Metric(unit="bits", higher_is_better=False, chance=6.02),  # log2 65
        "test_loss": NATS,
        "test_kneser_ney_loss": NATS,
        "loss": NATS,
        "validation_loss": NATS,
    },
    ablations=(Ablation(name="lines rebroken", settings={"verse": "rebroken"}),),
    variants={"": {}, "lstm": {"kind": "lstm"}},
    seeds=3,
)
