"""Your own photographs: a folder for each class, and a network that tells them apart.

    upslope lab classify images=~/photographs                   learn
    upslope lab classify images=~/photographs start=resnet18    learn from what others have learned

The network: a small residual network (He et al. 2015, https://arxiv.org/abs/1512.03385), drawn anew; or, as `start`
says, one with published weights or that of an earlier run (Yosinski et al. 2014, https://arxiv.org/abs/1411.1792).

Claim: 6,500 photographs of CIFAR-10 teach it to name at least 66 % of others with every seed (3 seeds).

- Pictures that are there twice stay on one side of the split; files that cannot be read are named and passed over.
- Probabilities are calibrated on validation data by one temperature (Guo et al. 2017), drawn before and after.
- Labels that look wrong are drawn for a person to look at (Northcutt et al. 2021).
- Beside it in the run: a linear support vector machine over histograms of gradients (Dalal and Triggs 2005).
- Left out: stronger augmentation, averaged weights, learning rates of each layer's own.

The features must be learned: over filters as they were drawn (`freeze=features`) the last layer misses the target.
"""

from typing import Any, Literal

import torch
from pydantic import Field, model_validator

from upslope.cards import Ablation, Expect, LabCard, Metric
from upslope.data.loading.photograph_sets import photographs
from upslope.runs.run import Run
from upslope.training.augment import shift_and_flip
from upslope.training.batches import Batches
from upslope.training.conclude import conclude
from upslope.training.config import TrainingConfig, only_with
from upslope.training.fit import fit, warmup_then_cosine
from upslope.training.tasks.photographs import Photographs, by_gradients
from upslope.training.transfer import begin, first_filters


class Config(TrainingConfig):
    """Settings of this lab."""

    images: str = Field("", description="a folder of yours, with a folder of pictures for each class")
    data: Literal["cifar10_jpg_subset", "toy", "own"] = Field("cifar10_jpg_subset", description="toy is generated")
    start: str = Field("", description="a model whose published weights are here, or a run; without: nothing")
    size: int = Field(
        32, ge=16, le=512, description="pixels on a side (images: 64)", json_schema_extra=only_with(start="")
    )
    epochs: int = Field(16, ge=1, le=1000, description="how often every training picture is seen, at least")
    least_steps: int = Field(300, ge=1, le=100_000, description="steps at least, however few pictures there are")
    batch_size: int = Field(64, ge=2, le=5000, description="pictures per step, over all devices")
    lr: float = Field(1e-2, gt=0, le=1, description="the highest learning rate (with start: 0.001)")
    weight_decay: float = Field(0.05, ge=0, lt=1, description="how strongly weights are pulled towards 0")
    label_smoothing: float = Field(0.1, ge=0, lt=1, description="target probability shared by all classes")
    mirror: bool = Field(True, description="mirror every second picture")
    freeze: Literal["none", "features"] = Field("none", description="features: only the last layer learns")

    @model_validator(mode="before")
    @classmethod
    def _usual(cls, given: dict[str, Any]) -> dict[str, Any]:
        """What is not said otherwise follows from where pictures and weights come from."""
        given = given | ({"data": "own"} if given.get("images") else {})
        usual = {"lr": 1e-3} if given.get("start") else {"size": 64} if given.get("images") else {}
        return usual | given


def run(config: Config, run: Run[Config]) -> None:
    """Read, train, validate after each epoch, calibrate, test once."""
    start = begin(config.start, side=config.size)
    pictures = photographs(config.data, images=config.images, side=start.side, seed=config.seed, progress=run.progress)
    for sentence in (f"begins with {start.said}", *pictures.sentences()):
        run.say(sentence)
    network = start.network(classes=len(pictures.train.classes), seed=config.seed, freeze=config.freeze == "features")
    task = Photographs(
        network.module,
        pictures=pictures,
        folder=config.images,
        normalization=start.normalization,
        label_smoothing=config.label_smoothing,
        precision=config.precision,
    )
    batches = Batches(
        pictures.train,
        collate=task.collate,
        transform=shift_and_flip(start.side // 8, flip=config.mirror),
        batch_size=min(config.batch_size, len(pictures.train) // config.processes * config.processes),
        seed=config.seed,
    )
    epochs = max(config.epochs, -(-config.least_steps // batches.per_epoch))
    optimizer = torch.optim.AdamW(network.module.parameters(), lr=config.lr, weight_decay=config.weight_decay)
    schedule = warmup_then_cosine(config.lr, total=epochs * batches.per_epoch, warmup=0.1)
    fit(run, task, batches, optimizer=optimizer, lr=schedule, epochs=epochs, validate=pictures.validation)
    conclude(
        run,
        task,
        pictures.test,
        network=network,
        validation=pictures.validation,
        per_epoch=batches.per_epoch,
        metrics={"test_hog_accuracy": by_gradients(pictures)},
        watch={"features_moved": first_filters(network.module)},
        begins_with=start.said,
        **pictures.counts(),
    )


CIFAR = {"data": "cifar10_jpg_subset", "start": ""}
CARD = LabCard(
    name="classify",
    title="Your own photographs, told apart",
    paper="He et al. 2015, Yosinski et al. 2014, Guo et al. 2017",
    claim="6,500 photographs of CIFAR-10 teach it to name at least 66 % of others with every seed",
    domain="vision",
    seconds={"smoke": 9, "laptop": 240, "full": 900},
    data=("cifar10_jpg_subset",),
    expect=(Expect("test_accuracy", at_least=0.66, when=CIFAR, ablations={"frozen features": 0.348}),),
    presets={
        "smoke": {"data": "toy", "size": 16, "epochs": 12, "least_steps": 1},
        "laptop": {},
        "full": {"epochs": 60},
    },
    metrics={
        "test_accuracy": Metric(unit="%", chance=0.1),
        "validation_accuracy": Metric(unit="%", chance=0.1),
        "test_hog_accuracy": Metric(unit="%", chance=0.1),
        "loss": Metric(unit="nats", higher_is_better=False),
        "features_moved": Metric(unit="%"),
        "test_calibration_error": Metric(unit="%", higher_is_better=False),
        "test_uncalibrated_error": Metric(unit="%", higher_is_better=False),
    },
    ablations=(Ablation(name="frozen features", settings={"freeze": "features"}),),
    seeds=3,
)
