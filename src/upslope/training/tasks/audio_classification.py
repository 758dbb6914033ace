"""Audio classification: one of several classes for each recording, by its log-mel spectrogram."""

from typing import Any, ClassVar, cast

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn

from upslope.blocks.losses import smoothed_cross_entropy
from upslope.data.loading.dataset import Dataset
from upslope.features import Audio
from upslope.models.build import Built
from upslope.runs.model_spec import ModelSpec
from upslope.runs.reports import classification
from upslope.runs.run import Run
from upslope.sound.prepare import FrontEnd, spectrogram
from upslope.sound.resample import resample
from upslope.training.batches import Batch
from upslope.training.tasks.task import Task


class AudioClassification(Task):
    """Recordings to classes by cross-entropy with smoothed labels; the data have columns `audio` and `label`."""

    tag: ClassVar[str] = "audio-classification"

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
        super().__init__(model)
        self.classes, self.front = classes, front or FrontEnd()
        self.label_smoothing, self.precision = label_smoothing, precision

    def collate(self, rows: Dataset) -> Batch:
        """{"spectrogram": (B, F, T), "label": (B,)}, and other columns of whole numbers as they are: the speaker."""
        others = {name: column for name, column in rows.columns.items() if isinstance(column, np.ndarray)}
        shown = torch.from_numpy(self.spectrograms(rows))
        return {"spectrogram": shown} | {name: torch.from_numpy(np.array(column)) for name, column in others.items()}

    def spectrograms(self, rows: Dataset) -> NDArray[np.float32]:
        """What the network looks at: (N, F, T)."""
        feature = rows.features["audio"]
        assert isinstance(feature, Audio)
        shape = (0, self.front.n_mels, self.front.frames)
        made = [spectrogram(resample(one, feature.rate, self.front.rate), self.front) for one in rows["audio"]]
        return np.stack(made) if made else np.empty(shape, np.float32)

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """The cross-entropy of a batch."""
        logits = self.logits(self.model, batch["spectrogram"])
        return {"loss": smoothed_cross_entropy(logits, batch["label"], smoothing=self.label_smoothing)}

    def logits(self, model: nn.Module, x: Float[Tensor, "B F T"]) -> Float[Tensor, "B K"]:
        """What a network says of spectrograms."""
        return cast(Tensor, model(x))

    def predict(self, dataset: Dataset, *, batch_size: int = 500) -> NDArray[np.float32]:
        """The probability of each class: (N, classes)."""
        with self.asking() as model:
            device = next(model.parameters()).device
            parts = [torch.empty(0, len(self.classes))]
            for first in range(0, len(dataset), batch_size):
                x = torch.from_numpy(self.spectrograms(dataset.take(slice(first, first + batch_size)))).to(device)
                with torch.autocast(device.type, dtype=torch.bfloat16, enabled=self.precision == "bf16"):
                    parts.append(self.logits(model, x).float().cpu())
        return torch.cat(parts).softmax(dim=1).numpy()

    def metrics(self, predictions: NDArray[np.float32], dataset: Dataset) -> dict[str, float]:
        """The share of right answers."""
        return {"accuracy": classification.accuracy(predictions, dataset["label"])}

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
