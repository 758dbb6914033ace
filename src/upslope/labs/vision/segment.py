"""Segment: every membrane of a nervous system, pixel by pixel; or what is where in a street.

O. Ronneberger, P. Fischer, T. Brox, "U-Net", 2015, https://arxiv.org/abs/1505.04597, on the challenge that it won;
beside it FCN (Long et al. 2014, https://arxiv.org/abs/1411.4038) and DeepLabV3 (Chen et al. 2017,
https://arxiv.org/abs/1706.05587), all small and drawn anew.

Claim: 20 slices teach a U-Net of 1.1 million parameters to tell membrane from cell on 5 others with an area under the
curve of at least 0.958 and a Dice of at least 0.75, and FCN and DeepLabV3 with an area of at least 0.93, each with
every seed (3 seeds).

- Squares are cut at random, mirrored, turned by quarters and lit otherwise; masks move along, never interpolated.
- The test is on whole slices, which the network never saw; the labels of the challenge's own test are not public.
- Beside it in the run: the grey level alone. Left out: elastic deformation, and the loss that keeps cells apart.
- `data=camvid`: 22 frames of a drive, 11 classes beside void; the U-Net looks at a third of their size, none is turned.

Over filters as they were drawn (`freeze=features`) the last layer misses the target.
"""

from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field, model_validator

from upslope.cards import Ablation, Expect, LabCard, Metric
from upslope.data.loading.splits import splits
from upslope.models.build import built, first_filters, freeze_all_but_last
from upslope.runs.run import Run
from upslope.training.augment_masks import disturb_masks
from upslope.training.batches import Batches
from upslope.training.conclude import conclude
from upslope.training.config import TrainingConfig
from upslope.training.fit import fit, warmup_then_cosine
from upslope.training.tasks.image_segmentation import ImageSegmentation, sizes


class Config(TrainingConfig):
    """Settings of this lab."""

    data: Literal["isbi2012_membrane", "camvid", "toy"] = Field("isbi2012_membrane", description="toy is generated")
    model: Literal["unet", "fcn", "deeplab"] = Field("unet", description="the network that learns")
    side: int = Field(192, ge=16, le=512, multiple_of=8, description="pixels of the squares it learns from")
    steps: int = Field(500, ge=1, le=1_000_000, description="how many batches are learned from")
    batch_size: int = Field(4, ge=1, le=5000, description="squares per step")
    lr: float = Field(3e-3, gt=0, le=1, description="the highest learning rate")
    weight_decay: float = Field(0.01, ge=0, lt=1, description="how strongly weights are pulled towards 0")
    dice: float = Field(0.5, ge=0, le=100, description="what Dice loss counts beside cross-entropy")
    freeze: Literal["none", "features"] = Field("none", description="features: only the last layer learns")

    @model_validator(mode="before")
    @classmethod
    def _usual(cls, given: dict[str, Any]) -> dict[str, Any]:
        """Of a street more is seen at once, if nothing else is said."""
        return ({"side": 336} if given.get("data") == "camvid" else {}) | given


def run(config: Config, run: Run[Config]) -> None:
    """Train on squares, validate five times, test once on whole slices."""
    rng = np.random.default_rng(config.seed)
    train, validation, test = splits(config.data, toy="isbi2012_membrane", rng=rng, counts=(120, 16, 24))
    street = config.data == "camvid"
    own = {"shrink": 3} if street and config.model == "unet" else {}
    network = built(f"{config.model}-small", seed=config.seed, **sizes(train), **own)
    if config.freeze == "features":
        freeze_all_but_last(network.module)
    task = ImageSegmentation(network.module, train=train, dice=config.dice)
    change = disturb_masks(side=config.side, light=0.1, contrast=0.2, turned=not street)
    batches = Batches(train, collate=task.collate, transform=change, batch_size=config.batch_size, seed=config.seed)
    fit(
        run,
        task,
        batches,
        optimizer=torch.optim.AdamW(network.module.parameters(), lr=config.lr, weight_decay=config.weight_decay),
        lr=warmup_then_cosine(config.lr, total=config.steps, warmup=0.05),
        steps=config.steps,
        validate=validation,
        validate_every=max(1, config.steps // 5),
        clip=1.0,
    )
    conclude(
        run,
        task,
        test,
        network=network,
        validation=validation,
        per_epoch=batches.per_epoch,
        watch={"features_moved": first_filters(network.module)},
    )


UNET = {"data": "isbi2012_membrane", "model": "unet"}
FCN = {"data": "isbi2012_membrane", "model": "fcn"}
DEEPLAB = {"data": "isbi2012_membrane", "model": "deeplab"}
SHARE = Metric(unit="%")
CARD = LabCard(
    name="segment",
    title="Segment: every membrane, pixel by pixel",
    paper="Ronneberger et al. 2015",
    claim=(
        "20 slices teach a U-Net of 1.1 million parameters to tell membrane from cell on 5 others with an area under "
        "the curve of at least 0.958 and a Dice of at least 0.75, and FCN and DeepLabV3 with an area of at least "
        "0.93, each with every seed"
    ),
    domain="vision",
    seconds={"smoke": 9, "laptop": 280, "full": 1500},
    data=("isbi2012_membrane", "camvid"),
    expect=(
        Expect("test_auc", at_least=0.958, when=UNET, ablations={"frozen features": 0.72}),
        Expect("test_dice", at_least=0.75, when=UNET, ablations={"frozen features": 0.318}),
        Expect("test_auc", at_least=0.93, when=FCN, ablations={"frozen features": 0.588}),
        Expect("test_auc", at_least=0.93, when=DEEPLAB, ablations={"frozen features": 0.562}),
    ),
    presets={"smoke": {"data": "toy", "side": 32, "steps": 60}, "laptop": {}, "full": {"side": 256, "steps": 2000}},
    metrics={
        "test_auc": Metric(chance=0.5),
        "test_dice": SHARE,
        "test_mean_iou": SHARE,
        "test_pixel_accuracy": SHARE,
        "validation_auc": Metric(chance=0.5),
        "test_grey_auc": Metric(chance=0.5),
        "test_frequent_mean_iou": SHARE,
        "features_moved": SHARE,
        "loss": Metric(unit="nats", higher_is_better=False),
    },
    ablations=(Ablation(name="frozen features", settings={"freeze": "features"}),),
    variants={"": {}, "fcn": {"model": "fcn"}, "deeplab": {"model": "deeplab"}},
    compared=("test_auc", "test_dice", "test_mean_iou"),
    network="{model}-small",
    seeds=3,
)
