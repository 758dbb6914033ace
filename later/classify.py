"""Your own photographs: a folder for each class, and a network that tells them apart.

    upslope lab classify images=~/photographs      learn
    upslope predict classify picture.jpg           ask

The network: a small residual network (He et al. 2015, https://arxiv.org/abs/1512.03385), drawn anew; with `start=RUN` it
begins from the filters of an earlier run of this lab.

Claim: at least 66 % of the test photographs of a seventh of CIFAR-10 (6,500 to learn from) with every seed, within 5
minutes on 2 CPU cores.

- Pictures that are there twice stay on one side of the split; copies under two labels are reported.
- Probabilities are calibrated on validation data by one temperature (Guo et al. 2017), and drawn before and after.
- Labels of which the network is sure that they are wrong are drawn, for a person to look at.
- Left out: weights learned on other pictures than yours or those of an earlier run.

The features must be learned: over filters as they were drawn (`freeze=features`) the last layer misses the target.
"""

from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field, model_validator

from upslope.cards import Ablation, Expect, LabCard, Metric
from upslope.data.loading.own_pictures import OwnPictures, own_pictures
from upslope.data.loading.splits import splits
from upslope.models.build import built, first_filters, freeze_all_but_last
from upslope.runs.run import Run
from upslope.training.augment import shift_and_flip
from upslope.training.batches import Batches
from upslope.training.conclude import conclude
from upslope.training.config import TrainingConfig
from upslope.training.fit import fit, warmup_then_cosine
from upslope.training.tasks.own_pictures import OwnPicturesClassification, begin_from
