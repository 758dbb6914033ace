"""MNIST for the clock: 99 % of the test images in seconds, and what each change of the recipe bought.

The network: `upslope.models.vision.sprint`, after K. Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", 2024,
https://arxiv.org/abs/2404.00498.

Claim: at least 98.8 % of MNIST's test images with every seed, 99 % in the mean over seeds, within 15 seconds of
training on 2 CPU cores (10 seeds).

- The start is a plain network, well tuned: three convolutions with batch norm, two epochs of AdamW on one cycle.
- From there every change is one setting, and every one can be taken back: `--preset ladder` climbs from the plain
  network to this recipe, rung by rung over several seeds, and draws which rung bought how much accuracy and time.
- Left out: augmentation, ensembles, distillation, anything compiled (compiling takes longer than the training).

The shapes must be learned: over filters that stay as they were drawn (`freeze=conv`) the last layer misses the target.
"""

from typing import Literal

import numpy as np
import torch
from pydantic import Field

from upslope.cards import Ablation, Expect, LabCard, Metric
from upslope.data.loading.splits import splits
from upslope.models.build import built
from upslope.runs import ablation
from upslope.runs.run import Run
from upslope.training.batches import Batches
from upslope.training.conclude import conclude
from upslope.training.config import TrainingConfig
from upslope.training.fit import fit, warmup_then_cosine
from upslope.training.tasks.image_classification import ImageClassification

# From the plain network to the recipe: what is changed, and the settings that change with it.
LADDER: ablation.Rungs = (
    (
        "plain",
        ablation.words(
            "channels_last=false pool_first=false strided=false activation=relu label_smoothing=0 lr=0.01 epochs=2"
        ),
    ),
    ("channels last in memory", {"channels_last": "true"}),
    ("pooling first", {"pool_first": "true"}),
    ("no padding, strides in front", {"strided": "true"}),
    ("GELU", {"activation": "gelu"}),
    ("labels smoothed", {"label_smoothing": "0.05"}),
    ("twice the learning rate", {"lr": "0.02"}),
    ("one epoch", {"epochs": "1"}),
)


class Config(TrainingConfig):
    """Settings of this lab."""

    data: Literal["mnist", "toy"] = Field("mnist", description="toy is generated")
    epochs: int = Field(1, ge=1, le=1000, description="how often every training image is seen")
    batch_size: int = Field(256, ge=2, le=5000, description="images per step, over all devices")
    lr: float = Field(0.02, gt=0, le=1, description="the highest learning rate")
    warmup: float = Field(0.3, ge=0, lt=1, description="the share of the steps in which the learning rate rises")
    weight_decay: float = Field(0.01, ge=0, lt=1, description="how strongly weights are pulled towards 0")
    label_smoothing: float = Field(0.05, ge=0, lt=1, description="target probability shared by all classes")
    strided: bool = Field(True, description="first filters at every second place, and no padding")
    pool_first: bool = Field(True, description="maxima before normalisation and activation")
    activation: Literal["gelu", "relu"] = Field("gelu", description="what follows each normalisation")
    channels_last: bool = Field(True, description="the channels of a pixel side by side in memory")
    freeze: Literal["none", "conv"] = Field("none", description="conv: leave the filters as they were drawn")
    ladder: int = Field(0, ge=0, le=100, description="climb all rungs, each with so many seeds, in place of one run")


def run(config: Config, run: Run[Config]) -> None:
    """Train and test once, or climb the ladder."""
    if config.ladder:
        always = {"data": config.data, "batch_size": str(config.batch_size), "threads": str(config.threads)}
        ablation.finish(run, LADDER, seeds=config.ladder, always=always)
        return
    train, validation, test = splits(config.data, toy="mnist", rng=np.random.default_rng(config.seed))
    design = config.model_dump(include={"strided", "pool_first", "activation", "channels_last"})
    network = built("sprint", seed=config.seed, padded=not config.strided, **design)
    model = network.module
    if config.freeze == "conv":
        model.get_submodule("stages").requires_grad_(False)
    learned = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(learned, lr=config.lr, weight_decay=config.weight_decay)
    task = ImageClassification(model, train=train, label_smoothing=config.label_smoothing, precision=config.precision)
    batches = Batches(train, collate=task.collate, batch_size=config.batch_size, seed=config.seed)
    schedule = warmup_then_cosine(config.lr, total=config.epochs * batches.per_epoch, warmup=config.warmup)
    fit(run, task, batches, optimizer=optimizer, lr=schedule, epochs=config.epochs)
    ablation.draw_recorded(run)
    conclude(
        run,
        task,
        test,
        network=network,
        validation=validation,
        per_epoch=batches.per_epoch,
        watch={"filters_moved": "stages.1.conv.weight"},
    )


CARD = LabCard(
    name="mnist",
    title="MNIST for the clock",
    paper="after Jordan 2024",
    claim=(
        "at least 98.8 % of MNIST's test images with every seed, 99 % in the mean over seeds, within 15 seconds of "
        "training on 2 CPU cores"
    ),
    domain="vision",
    seconds={"smoke": 5, "laptop": 15, "full": 60, "ladder": 600},
    data=("mnist",),
    expect=(
        Expect(metric="test_accuracy", at_least=0.988, when={"data": "mnist"}, ablations={"frozen filters": 0.964}),
    ),
    presets={
        "smoke": {"data": "toy", "epochs": 4, "batch_size": 50},
        "laptop": {},
        "full": {"epochs": 6},
        "ladder": {"ladder": 5},
    },
    metrics={
        "test_accuracy": Metric(unit="%", chance=0.1),
        "validation_accuracy": Metric(unit="%", chance=0.1),
        "loss": Metric(unit="nats", higher_is_better=False),
        "filters_moved": Metric(unit="%"),
        "time_ratio": Metric(higher_is_better=False),
    },
    ablations=(Ablation(name="frozen filters", settings={"freeze": "conv"}),),
    seeds=10,
)
