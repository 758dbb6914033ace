"""Panoptic: every pixel has a class, and everything that can be counted a number.

B. Cheng et al., "Panoptic-DeepLab", 2019, https://arxiv.org/abs/1911.10194, small and drawn anew, on scenes that were
put together from garments and textures, or on nuclei; measured as in A. Kirillov et al. 2018,
https://arxiv.org/abs/1801.00868.

Claim: 3,000 scenes teach a network of 1.0 million parameters to divide 400 others with a panoptic quality of at least
0.40 for ten classes of garments and of at least 0.70 for the grounds they lie on, and 33 pictures of nuclei to find
others with at least 0.45, with every seed (3 seeds).

- One decoder says what each pixel is, the other where the middle of its thing lies; grouping is not learned.
- Scenes are mirrored and lit otherwise; squares of nuclei are turned as well. The test is on whole pictures.
- From which height on a peak is a center is chosen on validation data. Left out: a trunk that knows pictures already.

With the semantic head alone (`centers=0`) things of a class merge, and with centers alone (`classes=0`) nobody knows
what a pixel is: each misses a target.
"""

from typing import Literal

import numpy as np
import torch
from pydantic import Field

from upslope.cards import Ablation, Expect, LabCard, Metric
from upslope.data.loading.things_in_memory import parts_with_classes
from upslope.models.build import built, first_filters
from upslope.runs.run import Run
from upslope.training.augment_masks import squares
from upslope.training.conclude import conclude
from upslope.training.config import TrainingConfig
from upslope.training.fit import fit, warmup_then_cosine
from upslope.training.tasks.panoptic_segmentation import PanopticSegmentation


class Config(TrainingConfig):
    """Settings of this lab."""

    data: Literal["scenes", "dsb2018", "toy"] = Field("scenes", description="toy is generated scenes")
    side: int = Field(80, ge=16, le=160, multiple_of=8, description="pixels of the squares; scenes have 80")
    steps: int = Field(600, ge=1, le=1_000_000, description="how many batches are learned from")
    batch_size: int = Field(16, ge=1, le=3000, description="squares per step; nuclei have 33 pictures at most")
    lr: float = Field(3e-3, gt=0, le=1, description="the highest learning rate")
    weight_decay: float = Field(0.01, ge=0, lt=1, description="how strongly weights are pulled towards 0")
    classes: float = Field(1.0, ge=0, le=100, description="what the classes of pixels count; 0: centers alone")
    centers: float = Field(1.0, ge=0, le=100, description="what centers and offsets count; 0: semantic head alone")


def run(config: Config, run: Run[Config]) -> None:
    """Train on squares, validate five times, choose the peaks on validation data, test once on whole pictures."""
    train, validation, test = parts_with_classes(config.data, rng=np.random.default_rng(config.seed))
    classes = 2 if config.data == "dsb2018" else 13
    network = built("panoptic-deeplab-small", seed=config.seed, num_classes=classes)
    counts = {"classes": config.classes, "centers": config.centers}
    task = PanopticSegmentation(network.module, train=train, side=config.side, **counts)
    cut = {"side": config.side, "batch_size": config.batch_size, "seed": config.seed}
    batches = squares(train, "mask", "instances", collate=task.collate, **cut, turned=config.data == "dsb2018")
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


SCENES = {"data": "scenes"}
NUCLEI = {"data": "dsb2018"}
SHARE = Metric(unit="%")
CARD = LabCard(
    name="panoptic",
    title="Panoptic: every pixel a class, every thing a number",
    paper="Cheng et al. 2019",
    claim=(
        "3,000 scenes teach a network of 1.0 million parameters to divide 400 others with a panoptic quality of at "
        "least 0.40 for ten classes of garments and of at least 0.70 for the grounds they lie on, and 33 pictures of "
        "nuclei to find others with at least 0.45, with every seed"
    ),
    domain="vision",
    seconds={"smoke": 9, "laptop": 600, "full": 3000},
    data=("scenes", "dsb2018"),
    expect=(
        Expect("test_things_pq", at_least=0.40, when=SCENES, ablations={"semantic head alone": 0.068}),
        Expect("test_stuff_pq", at_least=0.70, when=SCENES, ablations={"centers alone": 0.0}),
        Expect("test_things_pq", at_least=0.45, when=NUCLEI, ablations={"semantic head alone": 0.0}),
    ),
    presets={"smoke": {"data": "toy", "side": 40, "steps": 50, "batch_size": 8}, "laptop": {}, "full": {"steps": 6000}},
    metrics={
        "test_things_pq": SHARE,
        "test_stuff_pq": SHARE,
        "test_pq": SHARE,
        "test_merged_pq": SHARE,
        "test_things_sq": SHARE,
        "test_things_rq": SHARE,
        "validation_things_pq": SHARE,
        "validation_stuff_pq": SHARE,
        "features_moved": SHARE,
        "loss": Metric(unit="nats", higher_is_better=False),
    },
    ablations=(
        Ablation(name="semantic head alone", settings={"centers": 0.0}),
        Ablation(name="centers alone", settings={"classes": 0.0}),
    ),
    variants={"": {}, "nuclei": {"data": "dsb2018", "steps": 300}},
    seeds=3,
)
