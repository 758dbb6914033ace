"""People held out in turn: embeddings measured on faces that nobody learned from, beside eigenfaces and raw pixels.

The older ways get the same chance: their mean face and axes are those of the training people of each fold.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from upslope.data.loading.dataset import Dataset
from upslope.image.eigenfaces import eigenfaces, in_face_space, whitened
from upslope.runs.reports import verification
from upslope.runs.run import Run
from upslope.training.folds import Folds
from upslope.training.tasks.image_feature_extraction import ImageFeatureExtraction

AXES = 80  # of these the later ones are noise; with 40 or 150 eigenfaces do as well to 0.01


class VerificationFolds(Folds):
    """Several embedders, each learning from the people of other folds."""

    def metrics(self, predictions: NDArray[np.float32], dataset: Dataset) -> dict[str, float]:
        """The embedders' and the older ways' areas and rank-1 rates, and the errors at thresholds of other folds."""
        found = super().metrics(predictions, dataset)
        found = {name: value for name, value in found.items() if not name.startswith("rank_one_")}
        ways = self._ways(predictions, dataset)
        for way, pairs in ways.items():
            areas = [verification.area(verification.of_fold(pairs, fold)) for fold in np.unique(dataset["fold"])]
            found |= {f"auc_of_{way}": float(np.mean(areas))} if way != "network" else {}
        # The saved model has seen everybody: what it may be trusted with, the others say.
        saved = self.last
        assert isinstance(saved, ImageFeatureExtraction)
        saved.threshold = verification.best_threshold(ways["network"])
        over = found["auc"] - found["auc_of_eigenfaces"]
        return found | verification.judged(ways["network"]) | {"over_eigenfaces": over}

    def report(self, run: Run[Any], predictions: NDArray[np.float32], dataset: Dataset, *, per_epoch: int) -> None:
        """As the tasks do it, and ROC curves of all ways."""
        super().report(run, predictions, dataset, per_epoch=per_epoch)
        curves = verification.roc(self._ways(predictions, dataset))
        run.picture("roc", curves, "Pairs of people who were held out; the mean over the folds.")

    def _ways(self, predictions: NDArray[np.float32], dataset: Dataset) -> dict[str, verification.Pairs]:
        """The pairs within each fold, by each way to compare two pictures."""
        pixels = dataset["image"].reshape(len(dataset), -1)
        fewest = min(int((~np.isin(dataset["fold"], left)).sum()) for left in self.without)
        count = min(AXES, fewest - 1)
        size = {"pixels": pixels.shape[1], "eigenfaces": count, "whitened_eigenfaces": count}
        seen = {way: np.empty((len(dataset), width), np.float32) for way, width in size.items()}
        for left in filter(None, self.without):
            rows, learn = dataset["fold"] == left[0], ~np.isin(dataset["fold"], left)
            mean, axes = eigenfaces(pixels[learn], count=count)
            known, new = (in_face_space(pixels[some], mean, axes) for some in (learn, rows))
            seen["pixels"][rows] = pixels[rows] - mean
            seen["eigenfaces"][rows], seen["whitened_eigenfaces"][rows] = new, whitened(new, of=known)
        labels, folds = dataset["label"], dataset["fold"]
        ways = {"network": predictions, **seen}
        return {way: verification.pairs_of(embeddings, labels, folds) for way, embeddings in ways.items()}
