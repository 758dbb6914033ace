"""Detect: where the cells are, and which; blood under a microscope.

J. Redmon et al., "You Only Look Once", 2015, https://arxiv.org/abs/1506.02640, in the form that it has today (no
anchors, distances as distributions), beside SSD (Liu et al. 2015) and Faster R-CNN (Ren et al. 2015), all small.

Claim: 205 photographs teach a YOLO of a million parameters to find red cells, white cells and platelets with an mAP of
at least 0.52, and of 0.87 at IoU 0.5, where an SSD and a Faster R-CNN reach 0.80, each with every seed (3 seeds).

- The data set's own parts; mAP is COCO's, and a class without objects would be named and not counted.
- Pictures are mirrored, moved, zoomed and lit otherwise, with their boxes. What is averaged over the steps predicts.
- The score from which on a box is believed is chosen on validation data, and cells are counted with it.

Over a trunk as it was drawn (`freeze=trunk`) neck and heads alone miss the target.
"""

from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field, model_validator

from upslope.cards import Ablation, Expect, LabCard, Metric
from upslope.data.loading.boxed_pictures import parts_at_size
from upslope.models.build import built, first_filters
from upslope.runs.run import Run
from upslope.training.augment_boxes import disturbed
from upslope.training.averaging import AveragedWeights
from upslope.training.conclude import conclude
from upslope.training.config import TrainingConfig
from upslope.training.fit import fit, warmup_then_cosine
from upslope.training.tasks.object_detection import ObjectDetection, classes_of


class Config(TrainingConfig):
    """Settings of this lab."""

    data: Literal["bccd", "toy"] = Field("bccd", description="toy is generated")
    model: Literal["yolo", "ssd", "faster-rcnn"] = Field("yolo", description="the network that learns")
    height: int = Field(192, ge=32, le=2048, multiple_of=32, description="pixels")
    width: int = Field(256, ge=32, le=2048, multiple_of=32, description="pixels")
    steps: int = Field(1200, ge=1, le=1_000_000, description="how many batches are learned from")
    batch_size: int = Field(8, ge=1, le=5000, description="pictures per step")
    lr: float = Field(2e-3, gt=0, le=1, description="the highest learning rate")
    weight_decay: float = Field(0.05, ge=0, lt=1, description="how strongly weights are pulled towards 0")
    average: float = Field(0.99, ge=0, lt=1, description="of the averaged weights the share that stays at each step")
    freeze: Literal["none", "trunk"] = Field("none", description="trunk: only neck and heads learn")

    @model_validator(mode="before")
    @classmethod
    def _usual(cls, given: dict[str, Any]) -> dict[str, Any]:
        """The older networks need fewer batches, and SSD learns faster, if nothing else is said."""
        own: dict[str, dict[str, Any]] = {"ssd": {"steps": 800, "lr": 3e-3}, "faster-rcnn": {"steps": 600}}
        return own.get(given.get("model", "yolo"), {}) | given


def run(config: Config, run: Run[Config]) -> None:
    """Train, validate five times, choose the score on validation data, test once."""
    rng = np.random.default_rng(config.seed)
    train, validation, test = parts_at_size(config.data, height=config.height, width=config.width, rng=rng)
    network = built(f"{config.model}-small", seed=config.seed, num_classes=len(classes_of(train)))
    if config.freeze == "trunk":
        network.module.trunk.requires_grad_(False)
    task = ObjectDetection(network.module, train=train)
    batches = disturbed(train, collate=task.collate, batch_size=config.batch_size, seed=config.seed)
    fit(
        run,
        task,
        batches,
        optimizer=torch.optim.AdamW(network.module.parameters(), lr=config.lr, weight_decay=config.weight_decay),
        lr=warmup_then_cosine(config.lr, total=config.steps, warmup=0.05),
        steps=config.steps,
        validate=validation,
        validate_every=max(1, config.steps // 5),
        average=AveragedWeights(network.module, decay=config.average),
        clip=10.0,
    )
    conclude(
        run,
        task,
        test,
        network=network,
        validation=validation,
        per_epoch=batches.per_epoch,
        watch={"filters_moved": first_filters(network.module)},
    )


YOLO = {"data": "bccd", "model": "yolo"}
SSD = {"data": "bccd", "model": "ssd"}
FASTER = {"data": "bccd", "model": "faster-rcnn"}
CARD = LabCard(
    name="detect",
    title="Detect: where the cells are, and which",
    paper="Redmon et al. 2015, Liu et al. 2015, Ren et al. 2015",
    claim=(
        "205 photographs teach a YOLO of a million parameters to find red cells, white cells and platelets with an mAP "
        "of at least 0.52, and of 0.87 at IoU 0.5, where an SSD and a Faster R-CNN reach 0.80, each with every seed"
    ),
    domain="vision",
    seconds={"smoke": 9, "laptop": 300, "full": 1500},
    data=("bccd",),
    expect=(
        Expect("test_map50", at_least=0.87, when=YOLO, ablations={"frozen trunk": 0.822}),
        Expect("test_map", at_least=0.52, when=YOLO, ablations={"frozen trunk": 0.492}),
        Expect("test_map50", at_least=0.80, when=SSD, ablations={"frozen trunk": 0.744}),
        Expect("test_map50", at_least=0.80, when=FASTER, ablations={"frozen trunk": 0.714}),
    ),
    presets={
        "smoke": {"data": "toy", "height": 64, "width": 96, "steps": 120, "average": 0.9},
        "laptop": {},
        "full": {"height": 384, "width": 512, "steps": 3000},
    },
    metrics={
        "test_map50": Metric(unit="%"),
        "test_map": Metric(unit="%"),
        "test_map75": Metric(unit="%"),
        "validation_map50": Metric(unit="%"),
        "test_count_error": Metric(unit="%", higher_is_better=False),
        "test_rbc_map50": Metric(unit="%"),
        "test_wbc_map50": Metric(unit="%"),
        "test_platelets_map50": Metric(unit="%"),
        "filters_moved": Metric(unit="%"),
        "loss": Metric(higher_is_better=False),
    },
    ablations=(Ablation(name="frozen trunk", settings={"freeze": "trunk"}),),
    variants={"": {}, "ssd": {"model": "ssd"}, "faster-rcnn": {"model": "faster-rcnn"}},
    compared=("test_map50", "test_map", "test_count_error"),
    network="{model}-small",
    seeds=3,
)
