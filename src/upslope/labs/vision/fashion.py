"""Clothes on Fashion-MNIST by three networks of three decades: LeNet-5, a small ResNet, a small Vision Transformer.

H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning Algorithms",
2017, https://arxiv.org/abs/1708.07747. The networks: LeCun et al. 1998, He et al. 2015, Dosovitskiy et al. 2020.

Claim: the small ResNet reads at least 92 % of the test images with every seed, after at most 8 minutes of training on
2 CPU cores (3 seeds).

- Each network with the same data, augmentation, loss, optimizer and schedule; epochs and learning rates of its own.
- A Vision Transformer has to learn that neighbouring pixels belong together, which convolutions know; on 55,000 small
  pictures it does not catch up, and the targets say so.
- Left out: random erasing, averaged weights, ensembles, anything trained on other pictures.

The features must be learned: over filters that stay as they were drawn (`freeze=features`) the last layer alone misses
the target.
"""

from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field, model_validator

from upslope.cards import Ablation, Expect, LabCard, Metric
from upslope.data.loading.splits import splits
from upslope.models.build import built, first_filters, freeze_all_but_last
from upslope.runs.run import Run
from upslope.training.augment import shift_and_flip
from upslope.training.batches import Batches
from upslope.training.conclude import conclude
from upslope.training.config import TrainingConfig, only_with
from upslope.training.fit import fit, warmup_then_cosine
from upslope.training.tasks.image_classification import ImageClassification

# The size of each network, and what it learns best with, chosen on the validation split.
SIZES = {"lenet": "lenet5-modern", "resnet": "resnet8", "vit": "vit-28"}
RECIPES: dict[str, dict[str, Any]] = {
    "lenet": {"epochs": 8, "lr": 4e-3},
    "resnet": {"epochs": 10, "lr": 1e-2},
    "vit": {"epochs": 8, "lr": 2e-3, "drop_path": 0.1},
}


class Config(TrainingConfig):
    """Settings of this lab."""

    data: Literal["fashion_mnist", "mnist", "toy"] = Field("fashion_mnist", description="toy is generated")
    model: Literal["lenet", "resnet", "vit"] = Field("resnet", description="which network learns")
    epochs: int = Field(10, ge=1, le=1000, description="how often every training image is seen (lenet, vit: 8)")
    batch_size: int = Field(128, ge=2, le=5000, description="images per step, over all devices")
    lr: float = Field(1e-2, gt=0, le=1, description="the highest learning rate (lenet: 0.004, vit: 0.002)")
    warmup: float = Field(0.1, ge=0, lt=1, description="the share of the steps in which the learning rate rises")
    weight_decay: float = Field(0.02, ge=0, lt=1, description="how strongly weights are pulled towards 0")
    label_smoothing: float = Field(0.1, ge=0, lt=1, description="target probability shared by all classes")
    shift: int = Field(1, ge=0, le=8, description="by how many pixels a picture may be moved")
    mirror: bool = Field(True, description="mirror every second picture")
    drop_path: float = Field(
        0.0, ge=0, lt=1, description="stochastic depth (vit only: 0.1)", json_schema_extra=only_with(model="vit")
    )
    freeze: Literal["none", "features"] = Field("none", description="features: only the last layer learns")

    @model_validator(mode="before")
    @classmethod
    def _recipe_of_the_network(cls, given: dict[str, Any]) -> dict[str, Any]:
        """What is not said otherwise is what this network learns best with."""
        return RECIPES.get(str(given.get("model", "resnet")), {}) | given


def run(config: Config, run: Run[Config]) -> None:
    """Train, validate after each epoch, test once."""
    train, validation, test = splits(config.data, toy="fashion_mnist", rng=np.random.default_rng(config.seed))
    own = {"drop_path": config.drop_path} if config.model == "vit" else {}
    network = built(SIZES[config.model], seed=config.seed, **own)
    if config.freeze == "features":
        freeze_all_but_last(network.module)
    task = ImageClassification(
        network.module, train=train, label_smoothing=config.label_smoothing, precision=config.precision
    )
    batches = Batches(
        train,
        collate=task.collate,
        transform=shift_and_flip(config.shift, flip=config.mirror),
        batch_size=config.batch_size,
        seed=config.seed,
    )
    learned = [p for p in network.module.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(learned, lr=config.lr, weight_decay=config.weight_decay)
    schedule = warmup_then_cosine(config.lr, total=config.epochs * batches.per_epoch, warmup=config.warmup)
    fit(run, task, batches, optimizer=optimizer, lr=schedule, epochs=config.epochs, validate=validation)
    conclude(
        run,
        task,
        test,
        network=network,
        validation=validation,
        per_epoch=batches.per_epoch,
        watch={"features_moved": first_filters(network.module)},
    )


RESNET = {"data": "fashion_mnist", "model": "resnet"}
LENET = {"data": "fashion_mnist", "model": "lenet"}
VIT = {"data": "fashion_mnist", "model": "vit"}
CARD = LabCard(
    name="fashion",
    title="Clothes by LeNet-5, a small ResNet and a small Vision Transformer",
    paper="Xiao, Rasul and Vollgraf 2017",
    claim=(
        "the small ResNet reads at least 92 % of the test images with every seed, after at most 8 minutes of training "
        "on 2 CPU cores"
    ),
    domain="vision",
    seconds={"smoke": 5, "laptop": 420, "full": 1700},
    data=("fashion_mnist", "mnist"),
    expect=(
        Expect("test_accuracy", at_least=0.92, when=RESNET, ablations={"frozen features": 0.657}),
        Expect("test_accuracy", at_least=0.885, when=LENET, ablations={"frozen features": 0.644}),
        Expect("test_accuracy", at_least=0.86, when=VIT, ablations={"frozen features": 0.537}),
    ),
    presets={"smoke": {"data": "toy", "epochs": 4, "batch_size": 50}, "laptop": {}, "full": {"epochs": 40}},
    metrics={
        "test_accuracy": Metric(unit="%", chance=0.1),
        "validation_accuracy": Metric(unit="%", chance=0.1),
        "loss": Metric(unit="nats", higher_is_better=False),
        "features_moved": Metric(unit="%"),
    },
    ablations=(Ablation(name="frozen features", settings={"freeze": "features"}),),
    variants_of="model",
    seeds=3,
)
