"""What tasks share that give things in a picture numbers: how good that is, and what it looks like."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import nn

from upslope.data.loading.dataset import Dataset
from upslope.features import Instances
from upslope.image.touching import otsu_and_watershed
from upslope.runs import figures
from upslope.runs.reports.instances import found_and_missed, instance_scores
from upslope.runs.run import Run
from upslope.training.tasks.task import Task

PANELS = {"training loss": ("loss",), "validation F1 at IoU 0.5": ("validation_f1",)}
SMALLEST = 12  # pixels of the smallest thing
DRAWN = 4  # pictures


class NumberedThings(Task):
    """Grey pictures of any size to numbered things of one kind; the data have columns `image` and `instances`."""

    maps: ClassVar[tuple[str, ...]]  # what of a batch moves along when a picture is cut and turned

    def __init__(self, model: nn.Module, *, train: Dataset, side: int) -> None:
        """`side`: of the squares in which pictures are looked at."""
        super().__init__(model)
        feature = train.features["instances"]
        assert isinstance(feature, Instances)
        self.name, self.side = feature.name, side

    @abstractmethod
    def things(self, prediction: Any) -> NDArray[np.int32]:
        """What was said of a picture, numbered: 0 for none."""

    def metrics(self, predictions: Sequence[Any], dataset: Dataset) -> dict[str, float]:
        """Over all pictures together, at an IoU of more than 1/2; beside it what grey levels alone give."""
        truth = list(dataset["instances"])
        found = [self.things(each) for each in predictions]
        scores = instance_scores(truth, found)
        plain = instance_scores(truth, [otsu_and_watershed(p, smallest=SMALLEST) for p in dataset["image"]])
        there, seen = (np.array([len(np.unique(labels)) for labels in each]) for each in (truth, found))
        return {
            "f1": scores.f1,
            "gain": scores.f1 - plain.f1,
            "otsu_f1": plain.f1,
            "threat_score": scores.threat_score,
            "pq": scores.pq,
            "sq": scores.sq,
            "otsu_pq": plain.pq,
            "count_error": float(np.abs(seen - there).sum() / max(1, scores.tp + scores.fn)),
        }

    def choose(self, setting: str, values: Sequence[float], validation: Dataset) -> None:
        """Set a setting of `things` to the first of the values with the largest F1 on the validation data."""
        truth, predictions = list(validation["instances"]), self.predict(validation)

        def f1(value: float) -> float:
            setattr(self, setting, value)
            return instance_scores(truth, [self.things(each) for each in predictions]).f1

        setattr(self, setting, max(values, key=f1))

    def report(self, run: Run[Any], predictions: Sequence[Any], dataset: Dataset, *, per_epoch: int) -> None:
        """Curves, and test pictures with what was found, missed, and wrong."""
        run.picture("curves", figures.curves(run.logged(), PANELS, smooth=10, per_epoch=per_epoch))
        some = dataset.take(slice(DRAWN))
        found = [self.things(each) for each in predictions[:DRAWN]]
        drawn = found_and_missed(list(some["image"]), list(some["instances"]), found)
        run.picture("found", drawn, "Test pictures: a thing is found if one overlaps it with an IoU of more than 1/2.")
