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

from functools import partial
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field

from upslope.blocks.losses import smoothed_cross_entropy
from upslope.blocks.schedules import warmup_cosine
from upslope.cards import Ablation, Expect, LabCard, Metric, discover
from upslope.data.loading.arrays import Arrays
from upslope.data.loading.splits import splits
from upslope.models.vision.sprint import Sprint
from upslope.runs import ladder, pictures
from upslope.runs.ladder import Rungs
from upslope.runs.network import Network
from upslope.runs.records import read_records, records_folder
from upslope.runs.run import Run
from upslope.training.answers import accuracy, confusion, probabilities
from upslope.training.batches import Batches, as_tensors
from upslope.training.config import TrainingConfig
from upslope.training.fit import fit
from upslope.training.learner import Learner
from upslope.training.movement import moved, weights
from upslope.training.randomness import seeded
from upslope.training.state import Kept, arrays

# From the plain network to the recipe: what is changed, and the settings that change with it.
LADDER: Rungs = (
    (
        "plain",
        {
            "channels_last": "false",
            "pool_first": "false",
            "strided": "false",
            "activation": "relu",
            "label_smoothing": "0",
            "lr": "0.01",
            "epochs": "2",
        },
    ),
    ("channels last in memory", {"channels_last": "true"}),
    ("pooling first", {"pool_first": "true"}),
    ("no padding, strides in front", {"strided": "true"}),
    ("GELU", {"activation": "gelu"}),
    ("labels smoothed", {"label_smoothing": "0.05"}),
    ("twice the learning rate", {"lr": "0.02"}),
    ("one epoch", {"epochs": "1"}),
)


LADDER_CAPTION = (
    "What each change bought, from the plain network down to this recipe: mean and range of the accuracy and median "
    "of the time over"
)


class Config(TrainingConfig):
    """Settings of this lab."""

    data: Literal["mnist", "toy"] = Field("mnist", description="toy is generated")
    epochs: int = Field(1, ge=1, le=1000, description="how often every training image is seen")
    batch_size: int = Field(256, ge=2, le=5000, description="images per step, over all devices")
    lr: float = Field(0.02, gt=0, le=1, description="the highest learning rate")
    warmup: float = Field(0.3, ge=0, lt=1, description="the share of the steps in which the learning rate climbs")
    weight_decay: float = Field(0.01, ge=0, lt=1, description="how strongly weights are pulled towards 0")
    label_smoothing: float = Field(0.05, ge=0, lt=1, description="how much of the wanted probability all classes share")
    strided: bool = Field(True, description="first filters at every second place, and no padding")
    pool_first: bool = Field(True, description="maxima before normalisation and activation")
    activation: Literal["gelu", "relu"] = Field("gelu", description="what follows each normalisation")
    channels_last: bool = Field(True, description="the channels of a pixel side by side in memory")
    freeze: Literal["none", "conv"] = Field("none", description="conv: leave the filters as they were drawn")
    ladder: int = Field(0, ge=0, le=100, description="climb all rungs, each with so many seeds, in place of one run")


def run(config: Config, run: Run[Config]) -> None:
    """Train and test once, or climb the ladder."""
    if config.ladder:
        up_the_ladder(config, run)
        return
    train, validation, test = splits(config.data, toy="mnist", rng=np.random.default_rng(config.seed))
    mean, std = float(train.images.mean()), float(train.images.std())
    arguments = {
        "strided": config.strided,
        "padded": not config.strided,
        "pool_first": config.pool_first,
        "activation": config.activation,
        "channels_last": config.channels_last,
    }
    with seeded(config.seed):
        model = Sprint(**arguments)  # type: ignore[arg-type]
    first = weights(model)
    if config.freeze == "conv":
        model.stages.requires_grad_(False)
    learned = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(learned, lr=config.lr, weight_decay=config.weight_decay)

    batches = Batches(*as_tensors(train, mean=mean, std=std), batch_size=config.batch_size, seed=config.seed)
    total = config.epochs * batches.per_epoch
    schedule = partial(warmup_cosine, total=total, warmup=int(config.warmup * total))
    learner = Learner(
        model,
        optimiser,
        loss=partial(smoothed_cross_entropy, smoothing=config.label_smoothing),
        lr=lambda step: config.lr * schedule(step - 1),
    )
    run.keep(model=Kept(model), optimiser=Kept(optimiser))
    fit(run, learner, batches, epochs=config.epochs)

    def asked(data: Arrays) -> NDArray[np.float32]:
        return probabilities(model, as_tensors(data, mean=mean, std=std)[0], precision=config.precision)

    run.log(total, validation_accuracy=accuracy(asked(validation), validation))
    answers = asked(test)
    draw(run, model, test, answers, per_epoch=batches.per_epoch)
    run.save_model(
        arrays(model), Network("sprint", arguments, (1, 28, 28), train.classes, config.data, (mean,), (std,))
    )
    way = moved(model, first)
    run.finish(
        {"test_accuracy": accuracy(answers, test), "filters_moved": way["stages.1.conv.weight"]},
        parameters=sum(p.numel() for p in model.parameters()),
        validation_accuracy=accuracy(asked(validation), validation),
        moved=way,
    )


def draw(run: Run[Config], model: Sprint, test: Arrays, answers: NDArray[np.float32], *, per_epoch: int) -> None:
    """What was learned, in pictures."""
    run.picture("curves", pictures.curves(run.logged(), {"training loss": ["loss"]}, smooth=5, per_epoch=per_epoch))
    table = pictures.confusion(confusion(answers, test), test.classes)
    run.picture("confusion", table, "Test images: true class and predicted class.")
    worst = pictures.mistakes(test.images, test.labels, answers, test.classes)
    run.picture("mistakes", worst, "Wrong with the greatest confidence.")
    filters = model.stages.get_parameter("0.conv.weight").detach().numpy()
    run.picture("filters", pictures.filters(filters, title="first layer"), "Red adds, blue takes away.")
    for record in read_records(folder) if (folder := records_folder()) else ():
        if record.lab == "mnist" and record.rungs:
            cores, seeds = record.machine["cores"], len(record.rungs[0]["accuracies"])
            caption = (
                f"{LADDER_CAPTION} {seeds} seeds, measured on {cores} cores ({record.machine['os']}, {record.date})."
            )
            run.picture("ladder", ladder.draw(ladder.recorded(record)), caption)


def up_the_ladder(config: Config, run: Run[Config]) -> None:
    """Every rung over every seed; the picture of what each change bought."""
    always = {"data": config.data, "batch_size": str(config.batch_size), "threads": str(config.threads)}
    rungs = ladder.climb(run, discover("labs")["mnist"], LADDER, seeds=config.ladder, always=always)
    run.picture("ladder", ladder.draw(rungs), f"{LADDER_CAPTION} {config.ladder} seeds.")
    top = rungs[-1]
    said = {rung.name: str(rung) for rung in rungs}
    run.finish(
        {"test_accuracy": top.accuracy, "time_ratio": top.ratio},
        seeds=config.ladder,
        rungs=ladder.to_json(rungs),
        **said,
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
    expect=(Expect(metric="test_accuracy", at_least=0.988, when={"data": "mnist"}, broken={"frozen filters": 0.964}),),
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
