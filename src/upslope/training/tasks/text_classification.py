"""Text classification: one of several classes for each text, by the ids of its words or other terms."""

from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Int
from numpy.typing import NDArray
from torch import Tensor, nn

from upslope.data.loading.dataset import Dataset
from upslope.models.build import Built
from upslope.runs.model_spec import ModelSpec
from upslope.runs.reports import classification
from upslope.runs.run import Run
from upslope.text.vocabulary import Vocabulary, padded
from upslope.training.tasks.classification import Classification


class TextClassification(Classification):
    """Texts to classes; the data have columns `text` and `label`."""

    tag: ClassVar[str] = "text-classification"
    looks_at: ClassVar[str] = "tokens"

    def __init__(
        self,
        model: nn.Module,
        *,
        classes: tuple[str, ...],
        vocabulary: Vocabulary,
        label_smoothing: float = 0.0,
        precision: str = "32",
    ) -> None:
        """`vocabulary` says how a text becomes ids, in training as in use."""
        super().__init__(model, classes=classes, label_smoothing=label_smoothing, precision=precision)
        self.vocabulary = vocabulary
        self._seen: dict[str, NDArray[np.int64]] = {}  # texts of the training set come again every epoch

    def inputs(self, rows: Dataset) -> Int[Tensor, "B T"]:
        """Ids, filled up with 0 to the longest text."""
        return torch.from_numpy(padded([self.vocabulary.encode(text) for text in rows["text"]]))

    def collate(self, rows: Dataset) -> dict[str, Any]:
        """{"tokens": (B, T), "label": (B,)}."""
        for text in rows["text"]:
            if text not in self._seen:
                self._seen[text] = self.vocabulary.encode(text)
        tokens = padded([self._seen[text] for text in rows["text"]])
        return {self.looks_at: torch.from_numpy(tokens), "label": torch.from_numpy(np.array(rows["label"]))}

    def calibrate(self, validation: Dataset) -> None:
        """Nothing: a text is doubted by its unknown words, which say more than its logits."""
        return

    def report(self, run: Run[Any], predictions: NDArray[np.float32], dataset: Dataset, *, per_epoch: int) -> None:
        """Curves, confusion matrix, and the texts that were wrong with the greatest confidence."""
        classification.curves(run, per_epoch=per_epoch)
        classification.mistakes(run, predictions, dataset["label"], self.classes)

    def spec(self, network: Built) -> ModelSpec:
        """The ids of a text (T,) in, a logit for each class out."""
        vocabulary = self.vocabulary
        return ModelSpec(
            task=self.tag,
            model=network.model,
            arguments=network.arguments,
            inputs={self.looks_at: {"shape": [vocabulary.longest], "dtype": "int64", "high": vocabulary.size}},
            outputs={"logits": self.output()},
            preprocessing=vocabulary.to_json(),
            builder=network.builder,
        )
