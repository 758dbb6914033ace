"""Do two pictures show the same person? Embeddings of faces, for people the network has never seen.

J. Deng, J. Guo, N. Xue, S. Zafeiriou, "ArcFace: Additive Angular Margin Loss for Deep Face Recognition", 2019,
https://arxiv.org/abs/1801.07698. The data: F. Samaria, A. Harter 1994, 400 pictures of 40 people. Beside it: M. Turk,
A. Pentland, "Eigenfaces for Recognition", 1991.

Claim: over four folds of ten people held out of training the mean area under the ROC curve of all pairs is at least
0.96, 0.05 more than that of eigenfaces, and the nearest other picture shows the same person for at least 98 %, with
every seed (3 seeds).

- Four networks learn side by side, each from 30 people, and are measured on all pairs of pictures of the ten others. A
  fifth learns from all forty; it is the one that is saved, and the four say what to expect of it for new people.
- Eigenfaces and raw pixels are compared in the same run; mean and axes are those of the same 30 people.
- Thresholds come from the pairs of the other folds. Settings were chosen on ten of the 30 people, after training on the
  other 20, as `choose=true` does. Left out: other data; forty people of one laboratory say little about others.

A network that stays as it was drawn (`freeze=all`) misses the target; a linear layer over random convolutions
(`freeze=trunk`) may not, for faces that are cropped alike.
"""

from typing import Literal

import numpy as np
import torch
from pydantic import Field

from upslope.cards import Ablation, Expect, LabCard, Metric, discover
from upslope.models.build import built, freeze_all_but_last
from upslope.runs.run import Run
from upslope.training.augment import disturb_faces
from upslope.training.batches import Batches, by_class
from upslope.training.conclude import conclude
from upslope.training.config import TrainingConfig, only_with
from upslope.training.fit import fit, warmup_then_cosine
from upslope.training.tasks.image_feature_extraction import ImageFeatureExtraction
from upslope.training.verification_folds import VerificationFolds

ARCFACE = only_with(loss="arcface")


class Config(TrainingConfig):
    """Settings of this lab."""

    data: Literal["olivetti", "toy"] = Field("olivetti", description="toy is generated")
    loss: Literal["arcface", "triplet", "softmax"] = Field("arcface", description="softmax: ArcFace without its margin")
    epochs: int = Field(40, ge=1, le=1000, description="how often every picture is seen")
    batch_size: int = Field(80, ge=20, le=400, description="pictures per step; each network learns from 3 of 4")
    lr: float = Field(4e-3, gt=0, le=1, description="the highest learning rate")
    weight_decay: float = Field(0.05, ge=0, lt=1, description="how strongly weights are pulled towards 0")
    margin: float = Field(0.3, ge=0, le=1.5, description="ArcFace's, in radians", json_schema_extra=ARCFACE)
    scale: float = Field(16.0, gt=0, le=128, description="of cosines, to be logits", json_schema_extra=ARCFACE)
    width: int = Field(16, ge=4, le=256, description="channels of the first stage; each later one has twice as many")
    freeze: Literal["none", "trunk", "all"] = Field("none", description="what stays", json_schema_extra=ARCFACE)
    choose: bool = Field(False, description="hold out a second fold and measure on that one: to choose settings")


def run(config: Config, run: Run[Config]) -> None:
    """Train five networks side by side, each without some of the people; measure once."""
    module = discover("data")["olivetti"].load()
    data = module.toy(rng=np.random.default_rng(config.seed)) if config.data == "toy" else module.load()
    # The first of each is the fold that the network is measured on.
    pairs: list[tuple[int, ...]] = [((fold + 1) % 4, fold) for fold in range(4)]
    without = pairs if config.choose else [(0,), (1,), (2,), (3,), ()]
    widths = tuple(config.width * n for n in (1, 2, 4, 8))
    networks = [built("face-embedder-64", seed=100 * config.seed + n, widths=widths) for n in range(len(without))]
    for network in networks:
        network.module.requires_grad_(config.freeze != "all")
        if config.freeze == "trunk":
            freeze_all_but_last(network.module)
    asked = {"look": data.features["image"], "loss": config.loss, "margin": config.margin, "scale": config.scale}
    learners = [
        ImageFeatureExtraction(network.module, people=data["label"][~np.isin(data["fold"], left)], seed=n, **asked)
        for n, (network, left) in enumerate(zip(networks, without, strict=True))
    ]
    task = VerificationFolds(learners, without=without, column="fold")
    moved, order = disturb_faces(), by_class("label", each=5)
    size, seed = config.batch_size, config.seed
    batches = Batches(data, collate=task.collate, transform=moved, order=order, batch_size=size, seed=seed)
    optimizer = torch.optim.AdamW(task.model.parameters(), lr=config.lr, weight_decay=config.weight_decay)
    schedule = warmup_then_cosine(config.lr, total=config.epochs * batches.per_epoch, warmup=0.15)
    fit(run, task, batches, optimizer=optimizer, lr=schedule, epochs=config.epochs, log_every=5)
    watch = {"filters_moved": "trunk.0.0.weight"}
    conclude(run, task, data, network=networks[-1], per_epoch=batches.per_epoch, watch=watch)


AREA = Metric(chance=0.5)
RATE = Metric(unit="%", higher_is_better=False)
TARGET = {"data": "olivetti", "choose": False, "loss": "arcface"}
CARD = LabCard(
    name="faces",
    title="Two pictures, one person?",
    paper="Deng et al. 2019",
    claim=(
        "over four folds of ten people held out of training the mean area under the ROC curve of all pairs is at least "
        "0.96, 0.05 more than that of eigenfaces, and the nearest other picture shows the same person for at least "
        "98 %, with every seed"
    ),
    domain="vision",
    seconds={"smoke": 9, "laptop": 200, "full": 900},
    data=("olivetti",),
    expect=(
        Expect("test_auc", at_least=0.96, when=TARGET, ablations={"untrained network": 0.91}),
        Expect("test_rank_one", at_least=0.98, when=TARGET, ablations={"untrained network": 0.973}),
        Expect("test_over_eigenfaces", at_least=0.05, when=TARGET, ablations={"untrained network": 0.023}),
    ),
    presets={
        "smoke": {"data": "toy", "epochs": 12, "batch_size": 40, "width": 4, "lr": 0.012},
        "laptop": {},
        "full": {"epochs": 200, "width": 32},
    },
    metrics={
        "test_auc": AREA,
        "test_auc_worst": AREA,
        "test_auc_a": AREA,
        "test_auc_b": AREA,
        "test_auc_c": AREA,
        "test_auc_d": AREA,
        "test_auc_of_pixels": AREA,
        "test_auc_of_eigenfaces": AREA,
        "test_auc_of_whitened_eigenfaces": AREA,
        "test_over_eigenfaces": Metric(),
        "test_rank_one": Metric(unit="%", chance=0.1),
        "test_false_accepts": RATE,
        "test_false_rejects": RATE,
        "loss": Metric(unit="nats", higher_is_better=False),
        "filters_moved": Metric(unit="%"),
    },
    ablations=(Ablation(name="untrained network", settings={"freeze": "all"}),),
    seeds=3,
)
