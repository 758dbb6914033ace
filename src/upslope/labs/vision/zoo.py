"""The architecture zoo: seven networks of three decades, at one budget, on the same batches.

LeNet-5 (LeCun et al. 1998), AlexNet (Krizhevsky et al. 2012), VGG (Simonyan and Zisserman 2014), GoogLeNet (Szegedy et
al. 2014), ResNet (He et al. 2015), EfficientNet (Tan and Le 2019), ViT (Dosovitskiy et al. 2020), each in a small size
for pictures of 28 x 28. The data: H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST", 2017,
https://arxiv.org/abs/1708.07747.

Claim: after 5 epochs AlexNet, VGG, GoogLeNet, ResNet and EfficientNet read at least 90 % of the test images, the best
of them 92 %, LeNet-5 at least 88 % and the Vision Transformer 85 %, with every seed (3 seeds).

- The same for all: data, order, augmentation, loss, optimizer, schedule, epochs. Only the learning rate is each one's
  own, chosen on the validation split.
- With `model=all` one batch after the other goes through all seven, and one table and one picture show what accuracy
  costs: parameters, multiply-adds, seconds, and how far a place of the last maps sees.
- Left out: the sizes and the data for which the papers designed them. What wins here need not win on photographs.

Over filters that stay as they were drawn (`freeze=features`) the last layer alone misses the target.
"""

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from upslope.cards import Ablation, Expect, LabCard, Metric
from upslope.data.loading.splits import splits
from upslope.models.build import built, first_filters, freeze_all_but_last
from upslope.runs.run import Run
from upslope.training.augment import shift_and_flip
from upslope.training.batches import Batches
from upslope.training.conclude import conclude
from upslope.training.config import TrainingConfig
from upslope.training.side_by_side import Entrant, compare, train
from upslope.training.tasks.image_classification import ImageClassification

# Size, year and the highest learning rate, chosen on the validation split.
NETWORKS: dict[str, tuple[str, int, float]] = {
    "lenet": ("lenet5-modern", 1998, 8e-3),
    "alexnet": ("alexnet-small", 2012, 5e-3),
    "vgg": ("vgg-small", 2014, 1e-2),
    "googlenet": ("googlenet-small", 2014, 1e-2),
    "resnet": ("resnet8", 2015, 1e-2),
    "efficientnet": ("efficientnet-small", 2019, 1e-2),
    "vit": ("vit-28", 2020, 2e-3),
}


class Config(TrainingConfig):
    """Settings of this lab."""

    unused: ClassVar = {"compile": "this lab trains several networks in turns"}
    data: Literal["fashion_mnist", "mnist", "toy"] = Field("fashion_mnist", description="toy is generated")
    model: Literal["all", "lenet", "alexnet", "vgg", "googlenet", "resnet", "efficientnet", "vit"] = Field(
        "all", description="which network learns; all: one beside the other, on the same batches"
    )
    epochs: int = Field(5, ge=1, le=1000, description="how often every training image is seen")
    batch_size: int = Field(128, ge=2, le=5000, description="images per step, over all devices")
    lr: float = Field(1.0, gt=0, le=100, description="times the highest learning rate of each network")
    label_smoothing: float = Field(0.1, ge=0, lt=1, description="target probability shared by all classes")
    freeze: Literal["none", "features"] = Field("none", description="features: only the last layer learns")


def run(config: Config, run: Run[Config]) -> None:
    """Train side by side, validate after each epoch, test once; the best on validation data is kept."""
    learn, validation, test = splits(config.data, toy="fashion_mnist", rng=np.random.default_rng(config.seed))
    entrants = {}
    for name, (size, year, lr) in NETWORKS.items():
        if config.model in ("all", name):
            network = built(size, seed=config.seed)
            if config.freeze == "features":
                freeze_all_but_last(network.module)
            task = ImageClassification(
                network.module, train=learn, label_smoothing=config.label_smoothing, precision=config.precision
            )
            entrants[name] = Entrant(size, year, network, task, lr=config.lr * lr)
    collate, moved = next(iter(entrants.values())).task.collate, shift_and_flip(1, flip=True)
    batches = Batches(learn, collate=collate, transform=moved, batch_size=config.batch_size, seed=config.seed)
    train(run, entrants, batches, epochs=config.epochs, validation=validation)
    best = max(entrants.values(), key=lambda one: one.validation)
    conclude(
        run,
        best.task,
        test,
        network=best.network,
        validation=validation,
        per_epoch=batches.per_epoch,
        watch={"features_moved": first_filters(best.network.module)},
        best=best.size,
        table=compare(run, entrants, test),
    )


LENET = {"data": "fashion_mnist", "model": "lenet"}
ALEXNET = {"data": "fashion_mnist", "model": "alexnet"}
VGG = {"data": "fashion_mnist", "model": "vgg"}
GOOGLENET = {"data": "fashion_mnist", "model": "googlenet"}
RESNET = {"data": "fashion_mnist", "model": "resnet"}
EFFICIENTNET = {"data": "fashion_mnist", "model": "efficientnet"}
VIT = {"data": "fashion_mnist", "model": "vit"}
CARD = LabCard(
    name="zoo",
    title="The architecture zoo: seven networks at one budget",
    paper="LeCun et al. 1998 to Dosovitskiy et al. 2020",
    claim=(
        "after 5 epochs AlexNet, VGG, GoogLeNet, ResNet and EfficientNet read at least 90 % of the test images, the "
        "best of them 92 %, LeNet-5 at least 88 % and the Vision Transformer 85 %, with every seed"
    ),
    domain="vision",
    seconds={"smoke": 9, "laptop": 1500, "full": 6000},
    data=("fashion_mnist", "mnist"),
    expect=(
        Expect("test_accuracy", at_least=0.88, when=LENET, ablations={"frozen features": 0.651}),
        Expect("test_accuracy", at_least=0.90, when=ALEXNET, ablations={"frozen features": 0.693}),
        Expect("test_accuracy", at_least=0.92, when=VGG, ablations={"frozen features": 0.751}),
        Expect("test_accuracy", at_least=0.90, when=GOOGLENET, ablations={"frozen features": 0.690}),
        Expect("test_accuracy", at_least=0.90, when=RESNET, ablations={"frozen features": 0.634}),
        Expect("test_accuracy", at_least=0.90, when=EFFICIENTNET, ablations={"frozen features": 0.517}),
        Expect("test_accuracy", at_least=0.85, when=VIT, ablations={"frozen features": 0.531}),
    ),
    presets={"smoke": {"data": "toy", "epochs": 1, "batch_size": 50, "lr": 3.0}, "laptop": {}, "full": {"epochs": 20}},
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
