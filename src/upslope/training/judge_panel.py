"""Three judges that differ in their seed alone, and what they say together of generated images.

    panel = panel_of("mnist", train, test)
    metrics = panel.measure(samples)                    # {"lost_classes": 2.0, ...}
    run.finish(metrics, **panel.facts())                # the judges' hashes, and their yardsticks

Features are what a network happened to learn. On one and the same images three judges of one recipe can differ by half
in their Fréchet distances and by more in fine texture, so a claim that one of them carries is no claim. What is said
here is the mean of the three, with their range.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from upslope.blocks.generative.coverage import coverage, density
from upslope.data.loading.dataset import Dataset
from upslope.training.judge import SEED, Images, Judge, Reading, distance, judge_of
from upslope.training.judge_yardsticks import MOST, NEAR, Yardsticks, yardsticks_of

SEEDS = (0, 1, 2)
ROWS = 200  # samples at a time beside all training images


@dataclass(frozen=True)
class Nearest:
    """For each sample the training image that is nearest in a judge's features."""

    index: NDArray[np.int64]  # its place among the training images, so that a report can draw it
    distance: NDArray[np.float32]


class Panel:
    """Judges of one data set, and the real images that samples are measured beside."""

    def __init__(self, judges: Sequence[Judge], train: Dataset, real: Dataset, *, keep: bool = True) -> None:
        """`real` are test images. Without `keep` the yardsticks are not cached."""
        self.judges, self.train, self.real = tuple(judges), train, real.take(slice(MOST))
        self.readings = [judge.read(self.real["image"]) for judge in self.judges]
        self.yardsticks: list[Yardsticks] = [yardsticks_of(judge, train, real, keep=keep) for judge in self.judges]

    def facts(self) -> dict[str, Any]:
        """What a result says of its judges: the hashes of their weights, and their yardsticks."""
        return {
            "judges": [judge.sha256 for judge in self.judges],
            "yardsticks": [asdict(each) for each in self.yardsticks],
        }

    def measure(self, images: Images) -> dict[str, float]:
        """What the judges say of generated images (N, H, W) in [0, 1], as many as there are real ones if possible.

        lost_classes: the Fréchet distance over that of a missing class, the mean of the judges; lost_classes_least and
        lost_classes_most, the range. image_coverage and density: `blocks/generative/coverage.py`, the mean; the share
        of classes that are generated at all is another number. smallest_class: the share of the rarest class, as the
        judges read together. nearest_training: the median distance to the nearest training image over that of real
        images that nobody learned from; 1 says as far as those, 0 copies.
        """
        read = [judge.read(images) for judge in self.judges]
        pairs = list(zip(read, self.readings, strict=True))
        lost = self._lost(read)
        near = [(real.features[:NEAR], one.features[:NEAR]) for one, real in pairs]
        shares = np.bincount(together(read), minlength=len(self.train.classes)) / len(images)
        own = np.median(self.nearest(images[:NEAR]).distance)
        return {
            "lost_classes": float(np.mean(lost)),
            "lost_classes_least": min(lost),
            "lost_classes_most": max(lost),
            "image_coverage": float(np.mean([coverage(*both) for both in near])),
            "density": float(np.mean([density(*both) for both in near])),
            "smallest_class": float(shares.min()),
            "nearest_training": float(own / max(self._unseen, 1e-12)),
        }

    def glance(self, images: Images) -> dict[str, float]:
        """Lost classes, and the coverage of as many real images: for few images, which compare among such alone."""
        read = [judge.read(images) for judge in self.judges]
        covered = [
            coverage(real.features[: len(images)], one.features) for one, real in zip(read, self.readings, strict=True)
        ]
        return {"lost_classes": float(np.mean(self._lost(read))), "image_coverage": float(np.mean(covered))}

    def _lost(self, read: Sequence[Reading]) -> list[float]:
        """The Fréchet distance that each judge sees, over that of a missing class."""
        return [
            distance(one.features, real.features) / yardsticks.missing_class
            for one, real, yardsticks in zip(read, self.readings, self.yardsticks, strict=True)
        ]

    def labels(self, images: Images) -> NDArray[np.int64]:
        """The class that the judges read in each image, by the mean of their probabilities."""
        return together([judge.read(images) for judge in self.judges])

    def obeyed(self, images: Images, asked: NDArray[np.int64]) -> float:
        """The share of images in which the judges read the class that was asked for."""
        return float((self.labels(images) == asked).mean())

    def accuracy(self) -> float:
        """The share of real images that they read right together: the ceiling of `obeyed`."""
        return float((together(self.readings) == self.real["label"]).mean())

    def nearest(self, images: Images) -> Nearest:
        """The nearest training image of each image: a generator that learned by heart is found out here."""
        features = self.judges[len(self.judges) // 2].read(images).features
        found = [torch.cdist(some, self._training).min(dim=1) for some in torch.split(features, ROWS)]
        index = torch.cat([each.indices for each in found]).numpy()
        return Nearest(index, torch.cat([each.values for each in found]).numpy())

    @cached_property
    def _training(self) -> torch.Tensor:
        return self.judges[len(self.judges) // 2].read(self.train["image"]).features

    @cached_property
    def _unseen(self) -> float:
        return float(np.median(self.nearest(self.real["image"][:NEAR]).distance))


def together(readings: Sequence[Reading]) -> NDArray[np.int64]:
    """The class of each image by the mean of several judges' probabilities."""
    labels: NDArray[np.int64] = torch.stack([each.probabilities for each in readings]).mean(dim=0).argmax(dim=1).numpy()
    return labels


def panel_of(name: str, train: Dataset, real: Dataset, *, judge: Judge | None = None, quiet: bool = False) -> Panel:
    """The judges of a data set, trained at first need; those of "toy", and their yardsticks, are not kept.

    `judge` is the one that reads alone, `judge_of(name, train)`, where that is at hand already.
    """
    known = {} if judge is None else {SEED: judge}
    judges = [known.get(seed) or judge_of(name, train, seed=seed, quiet=quiet) for seed in SEEDS]
    return Panel(judges, train, real, keep=name != "toy")


class Panels:
    """The panel of a data set beside whichever real images a task asks about; the last one is kept.

    panel = Panels("mnist", train, judge=judge)
    panel(validation).facts()
    """

    def __init__(self, name: str, train: Dataset, *, judge: Judge) -> None:
        self.name, self.train, self.judge = name, train, judge
        self._last: tuple[Dataset, Panel] | None = None

    def __call__(self, real: Dataset) -> Panel:
        """Three judges and their yardsticks beside these images; what is missing is trained and measured now."""
        if self._last is None or self._last[0] is not real:
            self._last = real, panel_of(self.name, self.train, real, judge=self.judge)
        return self._last[1]
