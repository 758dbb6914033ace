"""Yardsticks of a judge: its Fréchet distance for images whose fault is known, beside the same real images.

A distance of 16 says nothing by itself: another judge has other features, and says 5 or 60 of the same images. Beside
what the judge says of a set from which one class was taken away it becomes a number that people can read, and that
judges agree on: so many lost classes. The yardsticks are cached beside the judge, so that one lab pays for them.
"""

import hashlib
import json
from contextlib import suppress
from dataclasses import asdict, dataclass

import numpy as np
import torch

from upslope.blocks.generative.coverage import coverage, density
from upslope.data.loading.dataset import Dataset
from upslope.runs.files import make_folder, write_json
from upslope.training.judge import Judge, Reading, distance, judges_folder

MOST = 10_000  # images on either side
NEAR = 5_000  # images on either side of coverage and density, whose cost grows with the square
NOISE = 0.3  # the standard deviation of noise on pixels in [0, 1]
REPEATED = 10  # images that a collapsed generator goes on repeating


@dataclass(frozen=True)
class Yardsticks:
    """What a judge says beside the test images; distances of training images, unless another number is named."""

    missing_class: float  # of those without a class, the mean over the classes: 1 lost class
    repeated: float  # of ten images, one of each class, again and again
    noise: float  # of those with noise on every pixel
    training: float  # of those as they are: nothing that learned from them should be much nearer
    coverage: float  # of test images by them
    density: float  # of them among test images


def yardsticks_of(judge: Judge, train: Dataset, real: Dataset, *, keep: bool = True) -> Yardsticks:
    """The yardsticks of this judge beside the images of `real`, from the cache where they were measured before."""
    train, real = train.take(slice(MOST)), real.take(slice(MOST))
    path = judges_folder() / f"{judge.sha256}.yardsticks.json"
    pixels = hashlib.sha256(train["image"].tobytes())
    pixels.update(real["image"].tobytes())
    if keep:
        with suppress(OSError, ValueError, TypeError, KeyError, AttributeError):  # measured again
            kept = json.loads(path.read_bytes())
            if kept.pop("images") == pixels.hexdigest():
                return Yardsticks(**kept)
    found = measured(judge, train, judge.read(real["image"]))
    if keep:
        make_folder(path.parent)
        write_json(path, {"images": pixels.hexdigest(), **asdict(found)})
    return found


def measured(judge: Judge, train: Dataset, real: Reading) -> Yardsticks:
    """The distances of spoilt training images from real ones, as this judge sees them."""
    whole, labels = judge.read(train["image"]).features, torch.tensor(train["label"])
    lost = [distance(whole[labels != label], real.features) for label in range(len(train.classes))]
    each = [int(np.flatnonzero(train["label"] == number % len(train.classes))[0]) for number in range(REPEATED)]
    noise = np.random.default_rng(0).standard_normal(train["image"].shape, dtype=np.float32)
    noisy = judge.read(np.clip(train["image"] + NOISE * noise, 0, 1))
    beside, some = real.features[:NEAR], whole[:NEAR]
    return Yardsticks(
        missing_class=sum(lost) / len(lost),
        repeated=distance(whole[each].repeat(len(whole) // REPEATED, 1), real.features),
        noise=distance(noisy.features, real.features),
        training=distance(whole, real.features),
        coverage=coverage(beside, some),
        density=density(beside, some),
    )
