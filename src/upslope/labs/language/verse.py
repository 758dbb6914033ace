"""Verse: an LSTM or a GPT learns Shakespeare's lines, and how many of the lines that it writes scan is counted.

A. Karpathy, "The Unreasonable Effectiveness of Recurrent Neural Networks", 2015,
https://karpathy.github.io/2015/05/21/rnn-effectiveness/. Metre: J. Hopkins, D. Kiela, "Automatically Generating
Rhythmic Verse with Neural Networks", 2017, https://aclanthology.org/P17-1016/.

Claim: of 1,000 lines that a GPT or an LSTM samples freely as many are pentameters as in Othello, within 8 points,
with every seed, after less than 5 minutes of training on 2 CPU cores (3 seeds).

- Nobody tells the network what a syllable is: it sees characters, and metre is in the order of the words.
- A line scans if it is an iambic pentameter by the dictionary's stresses (`upslope.text.meter`).
- Kneser-Ney counts the same characters, and its lines are judged, too. Left out: rhyme (`upslope app poet`).

With the words of every training line in any order (`words=shuffled`) the same words are learned, and no metre.
"""

from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field, model_validator

from upslope.cards import Ablation, Expect, LabCard, Metric, discover
from upslope.data.loading.splits import splits
from upslope.models.build import built
from upslope.runs.run import Run
from upslope.text.meter import Meter
from upslope.training.batches import TokenWindows
from upslope.training.conclude import conclude
from upslope.training.config import TrainingConfig
from upslope.training.fit import fit, warmup_then_linear
from upslope.training.tasks.text_generation import TextGeneration

SIZES = {"gpt": "gpt-characters", "lstm": "char-rnn-128"}
LSTM = {"window": 64, "steps": 4000, "lr": 6e-3}
CONTEXT, ORDER = 128, 7  # characters that the finished network reads, and Kneser-Ney


class Config(TrainingConfig):
    """Settings of this lab."""

    data: Literal["shakespeare", "toy"] = Field("shakespeare", description="toy is generated")
    kind: Literal["gpt", "lstm"] = Field("gpt", description="the network that learns")
    words: Literal["in order", "shuffled"] = Field("in order", description="shuffled: within each line of the training")
    steps: int = Field(500, ge=1, le=1_000_000, description="how many batches are learned from (lstm: 4000)")
    batch_size: int = Field(16, ge=1, le=5000, description="windows of text per step")
    window: int = Field(128, ge=2, le=CONTEXT, description="characters of a window (lstm: 64)")
    dim: int = Field(128, ge=4, le=4096, multiple_of=4, description="numbers at a position, or in a state")
    lr: float = Field(3e-3, gt=0, le=1, description="the highest learning rate (lstm: 0.006)")
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
    meter = Meter(sounds.dictionary(sounds.toy(rng=rng) if config.data == "toy" else sounds.load()))
    learned = plays.shuffled(train, rng=rng) if config.words == "shuffled" else train
    network = built(SIZES[config.kind], seed=config.seed, context=CONTEXT, dim=config.dim)
    task = TextGeneration(network.module, precision=config.precision)
    batches = TokenWindows(task.tokens(learned), context=config.window, batch_size=config.batch_size, seed=config.seed)
    task.count(learned, order=ORDER)
    fit(
        run,
        task,
        batches,
        optimizer=torch.optim.AdamW(network.module.parameters(), lr=config.lr, weight_decay=0.01),
        lr=warmup_then_linear(config.lr, total=config.steps, decay=0.7),
        steps=config.steps,
        validate=validation.take(slice(0, 300)),
        validate_every=max(1, config.steps // 5),
        clip=1.0,
    )
    written = task.lines(config.lines, after=train["text"][-1], seed=config.seed)
    scan = {name: share(meter, tuple(lines)) for name, lines in (written | {"real": test["text"]}).items()}
    metrics = {f"test_{name}_scan": value for name, value in scan.items()}
    metrics["test_scan_gap"] = abs(scan["network"] - scan["real"])
    conclude(run, task, test, network=network, per_epoch=batches.per_epoch, metrics=metrics)


def share(meter: Meter, lines: tuple[str, ...]) -> float:
    """How many of these lines scan."""
    return sum(map(meter.scans, lines)) / max(1, len(lines))


SHUFFLED = {"words shuffled": 0.3}  # of real lines 71.3 % scan, of those with shuffled words 41.3 %
SHARE = Metric(unit="%")
NATS = Metric(unit="nats", higher_is_better=False)
CARD = LabCard(
    name="verse",
    title="Verse: characters in, pentameters out",
    paper="Karpathy 2015",
    claim=(
        "of 1,000 lines that a GPT or an LSTM samples freely as many are pentameters as in Othello, "
        "within 8 points, with every seed, after less than 5 minutes of training on 2 CPU cores"
    ),
    domain="language",
    seconds={"smoke": 6, "laptop": 150, "full": 1500},
    data=("shakespeare", "cmudict"),
    expect=(
        Expect("test_scan_gap", at_most=0.08, when={"data": "shakespeare", "kind": "gpt"}, ablations=SHUFFLED),
        Expect("test_scan_gap", at_most=0.08, when={"data": "shakespeare", "kind": "lstm"}, ablations=SHUFFLED),
    ),
    presets={
        "smoke": {"data": "toy", "steps": 60, "batch_size": 8, "window": 64, "dim": 32, "lr": 1e-2, "lines": 60},
        "laptop": {},
        "full": {"steps": 4000, "dim": 256},
    },
    metrics={
        "test_scan_gap": Metric(unit="%", higher_is_better=False),
        "test_network_scan": SHARE,
        "test_counted_scan": SHARE,
        "test_real_scan": SHARE,
        "test_bits_per_character": Metric(unit="bits", higher_is_better=False, chance=6.02),  # log2 65
        "test_loss": NATS,
        "test_kneser_ney_loss": NATS,
        "loss": NATS,
        "validation_loss": NATS,
    },
    ablations=(Ablation(name="words shuffled", settings={"words": "shuffled"}),),
    variants={"": {}, "lstm": {"kind": "lstm"}},
    seeds=3,
)
