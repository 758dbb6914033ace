"""Nuclei: every one of them apart, also where they touch.

P. Naylor et al., "Segmentation of Nuclei in Histopathology Images by Deep Regression of the Distance Map", 2019,
https://doi.org/10.1109/TMI.2018.2865709, with a small U-Net (Ronneberger et al. 2015) on pictures of the Data Science
Bowl (Caicedo et al. 2019, https://doi.org/10.1038/s41592-019-0612-7).

Claim: 33 pictures teach a U-Net of 1.1 million parameters to find nuclei in 13 others with a pooled F1 at IoU 0.5 of at
least 0.60, and at least 0.03 better than Otsu's threshold with a watershed, with every seed (3 seeds).

- One output says what is nucleus, the other how far it is to the border; a watershed comes down from the peaks.
- Squares are cut from pictures of all sizes, mirrored, turned and lit otherwise; the test is on whole pictures.
- From which distance on a pixel is a seed is chosen on validation data. Left out: scaling to one size of nucleus.
- `model=mask-rcnn`: boxes first, and a mask in each (He et al. 2017, https://arxiv.org/abs/1703.06870).

Without the distance (`distance=0`) nuclei that touch are one thing, and the target is missed.
"""

from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field, model_validator

from upslope.cards import Ablation, Expect, LabCard, Metric
from upslope.data.loading.things_in_memory import parts_with_distances
from upslope.models.build import built, first_filters
from upslope.runs.run import Run
from upslope.training.augment_masks import squares
from upslope.training.conclude import conclude
from upslope.training.config import TrainingConfig, only_with
from upslope.training.fit import fit, warmup_then_cosine
from upslope.training.tasks.instance_detection import InstanceDetection
from upslope.training.tasks.instance_segmentation import InstanceSegmentation


class Config(TrainingConfig):
    """Settings of this lab."""

    data: Literal["dsb2018", "toy"] = Field("dsb2018", description="toy is generated")
    model: Literal["unet", "mask-rcnn"] = Field("unet", description="the network that learns")
    side: int = Field(128, ge=16, le=160, multiple_of=8, description="pixels of the squares that it looks at")
    steps: int = Field(450, ge=1, le=1_000_000, description="how many batches are learned from (mask-rcnn: 400)")
    batch_size: int = Field(8, ge=1, le=33, description="squares per step")
    lr: float = Field(3e-3, gt=0, le=1, description="the highest learning rate")
    weight_decay: float = Field(0.01, ge=0, lt=1, description="how strongly weights are pulled towards 0")
    distance: float = Field(
        1.0, ge=0, le=100, description="what the distance counts; 0: none", json_schema_extra=only_with(model="unet")
    )

    @model_validator(mode="before")
    @classmethod
    def _usual(cls, given: dict[str, Any]) -> dict[str, Any]:
        """The detector takes longer for a step, and learns in fewer ones, if nothing else is said."""
        return ({"steps": 400, "lr": 2e-3} if given.get("model") == "mask-rcnn" else {}) | given


def run(config: Config, run: Run[Config]) -> None:
    """Train on squares, validate five times, choose peak or score on validation data, test once on whole pictures."""
    train, validation, test = parts_with_distances(config.data, rng=np.random.default_rng(config.seed))
    network = built(f"{config.model}-small", seed=config.seed)
    task: InstanceSegmentation | InstanceDetection
    if config.model == "unet":
        task = InstanceSegmentation(network.module, train=train, side=config.side, distance=config.distance)
    else:
        task = InstanceDetection(network.module, train=train, side=config.side)
    batches = squares(
        train, *task.maps, collate=task.collate, side=config.side, batch_size=config.batch_size, seed=config.seed
    )
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


UNET = {"data": "dsb2018", "model": "unet"}
SHARE = Metric(unit="%")
CARD = LabCard(
    name="nuclei",
    title="Nuclei: every one of them apart",
    paper="Naylor et al. 2019",
    claim=(
        "33 pictures teach a U-Net of 1.1 million parameters to find nuclei in 13 others with a pooled F1 at IoU 0.5 "
        "of at least 0.60, and at least 0.03 better than Otsu's threshold with a watershed, with every seed"
    ),
    domain="vision",
    seconds={"smoke": 9, "laptop": 280, "full": 1500},
    data=("dsb2018",),
    expect=(
        Expect("test_f1", at_least=0.60, when=UNET, ablations={"without distance": 0.55}),
        Expect("test_gain", at_least=0.03, when=UNET, ablations={"without distance": 0.025}),
    ),
    presets={"smoke": {"data": "toy", "side": 48, "steps": 60}, "laptop": {}, "full": {"side": 160, "steps": 2000}},
    metrics={
        "test_f1": SHARE,
        "test_gain": SHARE,
        "test_otsu_f1": SHARE,
        "test_threat_score": SHARE,
        "test_mask_ap50": SHARE,
        "test_pq": SHARE,
        "test_otsu_pq": SHARE,
        "test_sq": SHARE,
        "test_count_error": Metric(unit="%", higher_is_better=False),
        "validation_f1": SHARE,
        "features_moved": SHARE,
        "loss": Metric(unit="nats", higher_is_better=False),
    },
    ablations=(Ablation(name="without distance", settings={"distance": 0.0}, when={"model": "unet"}),),
    variants={"": {}, "mask-rcnn": {"model": "mask-rcnn"}},
    compared=("test_f1", "test_threat_score", "test_pq", "test_mask_ap50"),
    network="{model}-small",
    added={"model": "unet"},
    seeds=3,
)
