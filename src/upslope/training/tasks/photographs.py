"""Photographs of one's own: image classification that is calibrated, and that looks its own data over."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from upslope.data.loading.dataset import Dataset
from upslope.data.loading.own_pictures import OwnPictures
from upslope.explain.grad_cam import last_maps
from upslope.image.hog import hog
from upslope.models.build import Built
from upslope.runs import figures
from upslope.runs.model_spec import ModelSpec
from upslope.runs.reports import calibration, classification
from upslope.runs.reports.classification import Probabilities
from upslope.runs.reports.doubtful import confident_class, doubtful
from upslope.runs.run import Run
from upslope.runs.workspace import short
from upslope.training import saliency
from upslope.training.tasks.image_classification import ImageClassification, standardize

MOST_NAMED = 40  # files in a list of the page


class Photographs(ImageClassification):
    """Pictures to classes, with probabilities that can be believed once there are validation data."""

    def __init__(
        self,
        model: nn.Module,
        *,
        pictures: OwnPictures,
        folder: str = "",
        normalization: tuple[list[float], list[float]] | None = None,
        label_smoothing: float = 0.0,
        precision: str = "32",
    ) -> None:
        """`normalization`: mean and deviation by channel of what the network saw before; else those of `pictures`."""
        super().__init__(model, train=pictures.train, label_smoothing=label_smoothing, precision=precision)
        self.pictures, self.folder, self.temperature = pictures, folder, 1.0
        if normalization is not None:
            for buffer, values in zip((self.mean, self.std), normalization, strict=True):
                buffer.copy_(torch.tensor(values)[:, None, None])

    def calibrate(self, validation: Dataset) -> None:
        """What is typical of the logits, and the temperature that makes the validation labels most likely."""
        super().calibrate(validation)
        self.temperature = calibration.temperature(self._asked(validation).numpy(), validation["label"])

    def output(self) -> dict[str, Any]:
        """What the spec says of the logits, with the temperature by which `upslope predict` divides them."""
        return super().output() | {"temperature": self.temperature}

    def predict(self, dataset: Dataset, *, batch_size: int = 500) -> Probabilities:
        """The probability of each class, at the temperature: (N, classes)."""
        return (self._asked(dataset, batch_size=batch_size) / self.temperature).softmax(dim=1).numpy()

    def metrics(self, predictions: Probabilities, dataset: Dataset) -> dict[str, float]:
        """The share of right answers; the calibration error, and what it was before temperature scaling."""
        errors = [
            calibration.calibration_error(x, dataset["label"]) for x in (predictions, self._as_trained(predictions))
        ]
        return super().metrics(predictions, dataset) | {"calibration_error": errors[0], "uncalibrated_error": errors[1]}

    def _as_trained(self, predictions: Probabilities) -> Probabilities:
        """softmax(z / T) to the power T is, normalized, softmax(z)."""
        logs = self.temperature * np.log(np.maximum(predictions, np.finfo(np.float32).tiny))
        return np.exp(calibration.log_softmax(logs)).astype(np.float32)

    def report(self, run: Run[Any], predictions: Probabilities, dataset: Dataset, *, per_epoch: int) -> None:
        """Curves, confusion, the worst mistakes and why; calibration; doubtful labels; what is odd about the folder."""
        super().report(run, predictions, dataset, per_epoch=per_epoch)
        self._explain(run, predictions, dataset)
        diagram = calibration.diagram(self._as_trained(predictions), predictions, dataset["label"])
        run.picture("calibration", diagram, f"Temperature {self.temperature:.2f}, fitted on the validation data.")
        found = self._doubtful(run, predictions, dataset)
        lists = {"labels that look wrong": found, **remarks(self.pictures)}
        if texts := {title: _some(lines) for title, lines in lists.items() if lines}:
            run.listings["Your pictures"] = texts

    def _explain(self, run: Run[Any], predictions: Probabilities, test: Dataset) -> None:
        """Draw where the network looked on its worst mistakes, if it makes any and has feature maps that can say."""
        rows = classification.worst(predictions, test["label"])[: saliency.DRAWN]
        if not len(rows):
            return
        wrong, said = test.take(rows), predictions[rows].argmax(axis=1)
        with self.asking() as model:
            x = standardize(self.inputs(wrong).to(self.mean.device), self.mean, self.std)
            try:
                layer, grid = last_maps(model, x[:1])
            except ValueError:  # no feature map has places
                return
            seen = [
                saliency.heat(model, x, torch.from_numpy(target).to(x.device), layer=layer, grid=grid)
                for target in (said, wrong["label"])
            ]
        drawn = saliency.mistakes(wrong["image"], wrong["label"], said, seen, self.classes)
        what = "Its worst mistakes: Grad-CAM for the class that it said, and for the true one."
        run.picture("looked-at", drawn, what)

    def _doubtful(self, run: Run[Any], predictions: Probabilities, test: Dataset) -> list[str]:
        """Draw what looks mislabeled among the pictures that were not learned from; the files, with the doubt."""
        validation = self.pictures.validation
        probabilities = np.concatenate([self.predict(validation), predictions])
        labels: NDArray[np.int64] = np.concatenate([validation["label"], test["label"]])
        rows = doubtful(probabilities, labels)
        if not len(rows):
            return []
        images = np.concatenate([validation["image"], test["image"]])
        said = confident_class(probabilities, labels)
        names = [f"{self.classes[labels[i]]}, or {self.classes[said[i]]}?" for i in rows]
        drawn = figures.samples(images[rows], np.arange(len(rows)), names, columns=8)
        run.picture("labels", drawn, "Labels that look wrong, among pictures that were not learned from.")
        paths = (*self.pictures.paths.get("validation", ()), *self.pictures.paths.get("test", ()))
        return [f"{short(paths[i])}: {name}" for i, name in zip(rows, names, strict=True)] if paths else []

    def spec(self, network: Built) -> ModelSpec:
        """As of any picture; with the person's folder, so that it can be said what was learned from."""
        spec = super().spec(network)
        own = {"folder": self.folder} if self.folder else {}
        return replace(spec, preprocessing={**spec.preprocessing, **own})


def by_gradients(pictures: OwnPictures) -> float:
    """What hand-made features would do: the accuracy of a linear support vector machine over histograms of gradients.

    4 x 4 cells a picture; C was chosen on CIFAR-10's validation pictures.
    """
    from sklearn.svm import LinearSVC

    cell = pictures.train["image"].shape[1] // 4
    machine = LinearSVC(C=0.1, random_state=0).fit(hog(pictures.train["image"], cell=cell), pictures.train["label"])
    return float(machine.score(hog(pictures.test["image"], cell=cell), pictures.test["label"]))


def remarks(pictures: OwnPictures) -> dict[str, list[str]]:
    """What a person should know about a folder, a line for each case, by title; empty where there is nothing."""
    return {
        "cannot be read, and were passed over": list(pictures.unreadable),
        "the same picture under two labels: not used": _lines(pictures.contradictions),
        "the same picture in two parts: not learned from": _lines(pictures.across),
        "the same picture again": _lines(pictures.copies),
    }


def _lines(groups: Sequence[Sequence[Path]]) -> list[str]:
    return [" = ".join(map(short, group)) for group in groups]


def _some(lines: Sequence[str]) -> str:
    rest = len(lines) - MOST_NAMED
    return "\n".join([*lines[:MOST_NAMED], *([f"and {rest} more"] if rest > 0 else [])])
