"""Audio classification: one of several classes for each recording, by its log-mel spectrogram."""

from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn

from upslope.data.loading.dataset import Dataset
from upslope.features import Audio
from upslope.models.build import Built
from upslope.runs.model_spec import ModelSpec
from upslope.runs.reports import classification
from upslope.runs.run import Run
from upslope.sound.preprocess import FrontEnd, spectrograms
from upslope.training.batches import Batch, as_tensor
from upslope.training.tasks.classification import Classification


class AudioClassification(Classification):
    """Recordings to classes; the data have columns `audio` and `label`."""

    tag: ClassVar[str] = "audio-classification"
    looks_at: ClassVar[str] = "spectrogram"

    def __init__(
        self,
        model: nn.Module,
        *,
        classes: tuple[str, ...],
        front: FrontEnd | None = None,
        label_smoothing: float = 0.0,
        precision: str = "32",
    ) -> None:
        """`front` says how samples become spectrograms, in training as in use."""
        super().__init__(model, classes=classes, label_smoothing=label_smoothing, precision=precision)
        self.front = front or FrontEnd()

    def inputs(self, rows: Dataset) -> Float[Tensor, "B F T"]:
        """Log-mel spectrograms."""
        return torch.from_numpy(self.spectrograms(rows))

    def spectrograms(self, rows: Dataset) -> NDArray[np.float32]:
        """What the network looks at: (N, F, T)."""
        feature = rows.features["audio"]
        assert isinstance(feature, Audio)
        return spectrograms(rows["audio"], rate=feature.rate, front=self.front)

    def collate(self, rows: Dataset) -> Batch:
        """{"spectrogram": (B, F, T), "label": (B,)}, and other columns of whole numbers as they are: the speaker."""
        others = {name: as_tensor(c) for name, c in rows.columns.items() if isinstance(c, np.ndarray)}
        return super().collate(rows) | others

    def report(self, run: Run[Any], predictions: NDArray[np.float32], dataset: Dataset, *, per_epoch: int) -> None:
        """Curves, confusion matrix and the worst mistakes, low frequencies at the bottom."""
        classification.curves(run, per_epoch=per_epoch)
        wrong = predictions.argmax(axis=1) != dataset["label"]
        worst = np.flatnonzero(wrong)[np.argsort(-predictions[wrong].max(axis=1), kind="stable")][:24]
        images = np.zeros((len(dataset), self.front.n_mels, self.front.frames), np.float32)
        images[worst] = self.spectrograms(dataset.take(worst))[:, ::-1] if len(worst) else 0
        classification.mistakes(run, predictions, dataset["label"], dataset.classes, images=images)

    def spec(self, network: Built) -> ModelSpec:
        """A spectrogram (F, T) in, a logit for each class out."""
        return ModelSpec(
            task=self.tag,
            model=network.model,
            arguments=network.arguments,
            inputs={"spectrogram": {"shape": [self.front.n_mels, self.front.frames], "dtype": "float32"}},
            outputs={"logits": {"classes": list(self.classes)}},
            preprocessing=self.front.to_json(),
        )
