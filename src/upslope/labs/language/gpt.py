"""GPT on the characters of Shakespeare, beside a model that only counts.

A. Karpathy, nanoGPT, 2022, https://github.com/karpathy/nanoGPT: its setting for a CPU has 4 blocks of 128 numbers and
reads 64 characters. Optimizer and blocks after K. Jordan et al., modded-nanogpt, 2024,
https://github.com/KellerJordan/modded-nanogpt.

Claim: the test loss is at most 1.60 nats with every seed, after at most 5 minutes of training on 2 CPU cores, and at
most 1.50 mixed with the counts (3 seeds). The test text is the last tenth, which nanoGPT calls validation.

- Muon for the matrices, AdamW for embeddings and head; rates that fall in a straight line at the end.
- Interpolated Kneser-Ney counts the same text in seconds. The weight of the mixture is set on a piece of the training
  text that neither has read. Losses are of tokens; bits per byte compare models whatever their tokens are.
- Left out: dropout, averaged weights, a second reading: a training sees about as many characters as there are.

Attention must learn: over frozen blocks (`freeze=blocks`) the embeddings of n-grams and the head miss the target.
"""

from typing import Any, Literal

import numpy as np
from pydantic import Field, model_validator

from upslope.blocks.language.muon import muon_and_adamw
from upslope.cards import Ablation, Expect, LabCard, Metric
from upslope.data.loading.splits import splits
from upslope.models.build import built
from upslope.runs.run import Run
from upslope.training.batches import TokenWindows
from upslope.training.conclude import conclude
from upslope.training.config import TrainingConfig, only_with
from upslope.training.fit import fit, warmup_then_linear
from upslope.training.tasks.text_generation import TextGeneration, held_out, tokenizer_of

BLOCKS = only_with(freeze="none")


class Config(TrainingConfig):
    """Settings of this lab."""

    data: Literal["tinyshakespeare", "toy"] = Field("tinyshakespeare", description="toy is generated")
    tokens: Literal["characters", "bpe"] = Field("characters", description="bpe: 512 pieces, learned from the text")
    steps: int = Field(500, ge=1, le=1_000_000, description="how many batches are learned from")
    batch_size: int = Field(16, ge=1, le=5000, description="windows of text per step, over all devices")
    context: int = Field(128, ge=2, le=1024, description="characters of a window")
    ngrams: tuple[int, ...] = Field((2, 3, 4), description="lengths of n-grams with an embedding of their own")
    rotary: bool = Field(True, description="rotary positions; false: order is seen through the causal mask alone")
    optimizer: Literal["muon", "adamw"] = Field("muon", description="what moves the matrices", json_schema_extra=BLOCKS)
    lr: float = Field(
        0.02, gt=0, le=1, description="the highest rate of these (adamw: 0.003)", json_schema_extra=BLOCKS
    )
    head_lr: float = Field(3e-3, gt=0, le=1, description="the same of the last layer")
    embedding_lr: float = Field(1e-2, gt=0, le=1, description="the same of the embeddings")
    decay: float = Field(0.7, gt=0, le=1, description="the share of the steps in which learning rates fall to 0")
    freeze: Literal["none", "blocks"] = Field("none", description="blocks: only embeddings and the head learn")
    order: int = Field(6, ge=1, le=9, description="of Kneser-Ney: how long its n-grams are")

    @model_validator(mode="before")
    @classmethod
    def _rate_of_the_optimizer(cls, given: dict[str, Any]) -> dict[str, Any]:
        """AdamW's steps are as long as its rate says, Muon's are measured otherwise."""
        return ({"lr": 3e-3} if given.get("optimizer") == "adamw" else {}) | given


def run(config: Config, run: Run[Config]) -> None:
    """Train on windows of the text; count it; test both, and their mixture."""
    whole, validation, test = splits(config.data, toy="tinyshakespeare", rng=np.random.default_rng(config.seed))
    train, held = held_out(whole)
    tokenizer = tokenizer_of(config.tokens, train)
    sizes: dict[str, Any] = {"vocab_size": len(tokenizer), "context": config.context, "ngrams": config.ngrams}
    network = built("gpt-characters", seed=config.seed, rotary=config.rotary, **sizes)
    network.module.blocks.requires_grad_(config.freeze == "none")
    task = TextGeneration(network.module, tokenizer=tokenizer, precision=config.precision)
    batches = TokenWindows(task.tokens(train), context=config.context, batch_size=config.batch_size, seed=config.seed)
    task.count(train, order=config.order)
    optimizer = muon_and_adamw(
        network.module,
        lr=config.lr,
        embedding_lr=config.embedding_lr,
        head_lr=config.head_lr,
        muon=config.optimizer == "muon",
    )
    fit(
        run,
        task,
        batches,
        optimizer=optimizer,
        lr=warmup_then_linear(config.lr, total=config.steps, decay=config.decay),
        steps=config.steps,
        validate=validation.take(slice(0, 300)),
        validate_every=max(1, config.steps // 4),
    )
    more: dict[str, Any] = {"validation": validation, "watch": {"attention_moved": "blocks.0.qkv.weight"}}
    more |= task.mix(held, whole, order=config.order)
    conclude(run, task, test, network=network, per_epoch=batches.per_epoch, **more)


CARD = LabCard(
    name="gpt",
    title="GPT on the characters of Shakespeare, beside Kneser-Ney",
    paper="Radford et al. 2018",
    claim="the test loss is at most 1.60 nats with every seed, after at most 5 minutes of training on 2 CPU cores",
    domain="language",
    seconds={"smoke": 5, "laptop": 120, "full": 1500},
    data=("tinyshakespeare",),
    expect=(
        Expect(metric="test_loss", at_most=1.6, when={"data": "tinyshakespeare"}, ablations={"frozen blocks": 1.635}),
        Expect("test_mixed_loss", at_most=1.5, when={"data": "tinyshakespeare"}, ablations={"frozen blocks": 1.517}),
    ),
    presets={
        "smoke": {"data": "toy", "steps": 60, "batch_size": 8, "context": 32, "ngrams": (2,)},
        "laptop": {},
        "full": {"steps": 4000, "context": 256},
    },
    metrics={
        "test_loss": Metric(unit="nats", higher_is_better=False, chance=4.174),  # ln 65
        "test_bits_per_byte": Metric(unit="bits", higher_is_better=False),
        "test_kneser_ney_loss": Metric(unit="nats", higher_is_better=False),
        "test_mixed_loss": Metric(unit="nats", higher_is_better=False),
        "test_mixed_bits_per_byte": Metric(unit="bits", higher_is_better=False),
        "loss": Metric(unit="nats", higher_is_better=False),
        "validation_loss": Metric(unit="nats", higher_is_better=False),
        "validation_bits_per_byte": Metric(unit="bits", higher_is_better=False),
        "validation_mixed_loss": Metric(unit="nats", higher_is_better=False),
        "attention_moved": Metric(),
    },
    ablations=(Ablation(name="frozen blocks", settings={"freeze": "blocks"}),),
    seeds=3,
)
