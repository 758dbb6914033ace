"""Token classification: a class for every word of a sentence, its part of speech say."""

from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.data.loading.dataset import Dataset, Ragged
from upslope.features import ClassLabel, Sequence
from upslope.models.build import Built
from upslope.runs import figures
from upslope.runs.model_spec import ModelSpec
from upslope.runs.reports import classification, sequences
from upslope.runs.run import Run
from upslope.text.tagging import UNKNOWN, WordFeatures
from upslope.training.batches import Batch, pad
from upslope.training.tasks.task import Task

PANELS = {"training loss": ("loss",), "validation accuracy": ("validation_token_accuracy",)}
LONGEST = 128  # words of a sentence that a finished model reads


class TokenClassification(Task):
    """The cross-entropy of each word's class; the data have a column `text`, words apart by spaces, and `tags`."""

    tag: ClassVar[str] = "token-classification"

    def __init__(self, model: nn.Module, *, train: Dataset, features: WordFeatures, unknown: float = 0.0) -> None:
        """In training a share `unknown` of the words is read as if it had never been seen."""
        super().__init__(model)
        self.classes = tags_of(train)
        self.features, self.unknown = features, unknown

    def collate(self, rows: Dataset) -> Batch:
        """{"words": (B, T), "endings": (B, T), "lengths": (B,), "tags": (B, T)}, filled up with 0."""
        encoded = [self.features.encode(text.split(" ")) for text in rows["text"]]
        words, lengths = pad(Ragged.of([words for words, _ in encoded], dtype=np.int64))
        endings, _ = pad(Ragged.of([endings for _, endings in encoded], dtype=np.int64))
        return {"words": words, "endings": endings, "lengths": lengths, "tags": pad(rows["tags"])[0]}

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """The mean over all words of a batch, in nats."""
        words = batch["words"]
        if self.training and self.unknown:
            forgotten = torch.rand(words.shape, device=words.device) < self.unknown
            words = torch.where(forgotten & (words > 0), UNKNOWN, words)
        logits = self.says(words, batch["endings"], batch["lengths"])
        real = torch.arange(words.shape[1], device=words.device) < batch["lengths"][:, None]
        return {"loss": F.cross_entropy(logits[real], batch["tags"][real])}

    def predict(self, dataset: Dataset, *, batch_size: int = 100) -> classification.Probabilities:
        """The probability of each class for every word of all sentences, one after the other: (N, classes)."""
        with self.asking() as model:
            device = next(model.parameters()).device
            parts = [torch.empty(0, len(self.classes))]
            for first in range(0, len(dataset), batch_size):
                batch = self.collate(dataset.take(slice(first, first + batch_size)))
                logits = model(*(batch[name].to(device) for name in ("words", "endings", "lengths"))).float().cpu()
                real = torch.arange(logits.shape[1]) < batch["lengths"][:, None]
                parts.append(logits[real].softmax(dim=-1))
        return torch.cat(parts).numpy()

    def metrics(self, predictions: classification.Probabilities, dataset: Dataset) -> dict[str, float]:
        """The share of words with the right class, and that among words that training has not seen."""
        right = predictions.argmax(axis=1) == dataset["tags"].values
        new = np.array([not self.features.knows(word) for text in dataset["text"] for word in text.split(" ")])
        unseen = {"unseen_accuracy": float(right[new].mean())} if new.any() else {}
        return {"token_accuracy": float(right.mean()), **unseen}

    def report(
        self, run: Run[Any], predictions: classification.Probabilities, dataset: Dataset, *, per_epoch: int
    ) -> None:
        """Curves, which class is taken for which, and sentences with their mistakes."""
        run.picture("curves", figures.curves(run.logged(), PANELS, smooth=10, per_epoch=per_epoch))
        labels: NDArray[np.int64] = dataset["tags"].values
        matrix = classification.confusion(predictions, labels)
        run.picture(
            "confusion", figures.confusion(matrix, self.classes), "Down: the true tag. Across: the predicted one."
        )
        said = [self.classes[k] for k in predictions.argmax(axis=1)]
        true = [self.classes[k] for k in labels]
        words = [word for text in dataset["text"] for word in text.split(" ")]
        drawn = sequences.tagged(words, said, true)
        run.picture("tagged", drawn, "Words with the tag that was predicted; a mistake shows the true one, too.")

    def spec(self, network: Built) -> ModelSpec:
        """The ids of words and endings (T,) and the number of words in, a logit for each class at each word out."""
        arguments = network.arguments
        return ModelSpec(
            task=self.tag,
            model=network.model,
            arguments=arguments,
            inputs={
                "words": {"shape": [LONGEST], "dtype": "int64", "high": arguments["vocab_size"]},
                "endings": {"shape": [LONGEST], "dtype": "int64", "high": arguments["endings"]},
                "lengths": {"shape": [], "dtype": "int64", "high": LONGEST + 1},
            },
            outputs={"logits": {"shape": [LONGEST, len(self.classes)], "classes": list(self.classes)}},
            preprocessing={**self.features.to_json(), "longest": LONGEST},
        )


def tags_of(dataset: Dataset) -> tuple[str, ...]:
    """The names of the tags of a data set."""
    feature = dataset.features["tags"]
    assert isinstance(feature, Sequence)
    assert isinstance(feature.of, ClassLabel)
    return feature.of.names
