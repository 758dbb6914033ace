"""One network that learns in two libraries at once, PyTorch and Keras: the same batches go through both, by turns.

Keras must have its backend before (`upslope.twins.backend.use`); so what imports it is imported inside functions here.
"""

from dataclasses import replace
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from upslope.blocks.schedules import warmup_cosine
from upslope.data.loading.dataset import Dataset
from upslope.models.build import Built
from upslope.runs import figures
from upslope.runs.clock import Clock
from upslope.runs.reports import classification, text_methods
from upslope.runs.reports.classification import accuracy
from upslope.runs.run import Run
from upslope.training.batches import Batch, Source
from upslope.training.state import StateArrays, arrays
from upslope.training.tasks.classification import Classification
from upslope.training.tasks.image_classification import ImageClassification, standardize

TURN = 20  # steps; two libraries that take turns at every single one wake one another's threads
PANELS = {
    "training loss": ("loss", "keras_loss"),
    "validation accuracy": ("validation_accuracy", "keras_validation_accuracy"),
}


class TwoLibraries:
    """A network in PyTorch, with its task, and its Keras twin with the same weights."""

    def __init__(
        self,
        task: Classification,
        network: Built,
        theirs: Any,
        *,
        optimizer: Literal["sgd", "adam"],
        smoothing: float = 0.0,
        as_keras: bool = True,
        by_hand: bool = False,
    ) -> None:
        """With `as_keras` PyTorch takes Keras' form of the optimizer, else its own; `by_hand` is for Keras' steps."""
        from upslope.twins.comparison import weights
        from upslope.twins.trainers import InKeras, InTorch

        self.task, self.network, self.theirs = task, network, theirs
        self.in_torch = InTorch(network.module, optimizer=optimizer, smoothing=smoothing, as_keras=as_keras)
        self.in_keras = InKeras(theirs, optimizer=optimizer, smoothing=smoothing, by_hand=by_hand)
        self.sides: dict[str, Any] = {"PyTorch": self.in_torch, "Keras": self.in_keras}
        self.clock = Clock(*self.sides)
        self.start = weights(network.module, theirs)

    def collate(self, rows: Dataset) -> Batch:
        """{"inputs": (B, ...), "labels": (B,)}, as both sides learn from them."""
        batch = self.task.collate(rows)
        inputs = batch[self.task.looks_at]
        if isinstance(self.task, ImageClassification):
            inputs = standardize(inputs, self.task.mean, self.task.std)
        return {"inputs": inputs, "labels": batch["label"]}

    def fit(
        self, run: Run[Any], batches: Source, *, epochs: int, lr: float, warmup: float, validation: Dataset
    ) -> None:
        """Train both with the same learning rate at each step, and validate after each epoch."""
        from upslope.twins.state import KerasStateArrays

        total = epochs * batches.per_epoch

        def rate(step: int) -> float:
            return lr * warmup_cosine(step - 1, total=total, warmup=int(warmup * total))

        run.register(
            torch=StateArrays(self.network.module),
            torch_optimizer=StateArrays(self.in_torch.optimizer),
            keras=KerasStateArrays(self.theirs),
            clock=self.clock,
        )
        for step in run.steps(total, per_epoch=batches.per_epoch):
            with self.clock.running("PyTorch"):
                run.log(step, loss=self.in_torch.learn(**batches.at(step), lr=rate(step)))
            if step % TURN == 0 or step % batches.per_epoch == 0:
                with self.clock.running("Keras"):
                    for late in range(self.in_keras.steps + 1, step + 1):
                        run.log(late, keras_loss=self.in_keras.learn(**batches.at(late), lr=rate(late)))
            if step % batches.per_epoch == 0:
                said = {name: accuracy(p, validation["label"]) for name, p in self.predict(validation).items()}
                run.log(step, validation_accuracy=said["PyTorch"], keras_validation_accuracy=said["Keras"])

    def predict(self, dataset: Dataset) -> dict[str, NDArray[np.float32]]:
        """What each side believes of each sample: (N, classes)."""
        pieces: list[Tensor] = list(torch.split(self.collate(dataset)["inputs"], 500))
        scores = {name: np.concatenate([side.scores(each) for each in pieces]) for name, side in self.sides.items()}
        return {name: torch.from_numpy(each).softmax(dim=1).numpy() for name, each in scores.items()}

    def conclude(self, run: Run[Any], test: Dataset, *, per_epoch: int, **facts: Any) -> None:
        """The test set once, the figures, PyTorch's model and its spec, the result."""
        from upslope.twins.comparison import how_far, same_steps, weights
        from upslope.twins.pairs import features

        ours = self.network.module
        answers = self.predict(test)
        self._draw(run, test, answers, per_epoch=per_epoch)
        run.save_model(arrays(ours), replace(self.task.spec(self.network), data=run.config.data))
        right = {name: accuracy(said, test["label"]) for name, said in answers.items()}
        moved = how_far(self.start, weights(ours, self.theirs))
        run.finish(
            {
                "test_accuracy": min(right.values()),
                "accuracy_difference": abs(right["PyTorch"] - right["Keras"]),
                "same_steps": same_steps(run.logged()),
                "features_moved": min(moved[name] for name in features(ours)),
            },
            test_accuracies=right,
            same_answers=float((answers["PyTorch"].argmax(axis=1) == answers["Keras"].argmax(axis=1)).mean()),
            seconds_of_training=self.clock.seconds,
            parameters=sum(p.numel() for p in ours.parameters()),
            moved=moved,
            **facts,
        )

    def _draw(self, run: Run[Any], test: Dataset, answers: dict[str, NDArray[np.float32]], *, per_epoch: int) -> None:
        """What both learned, in pictures, and the program text of both."""
        from upslope.twins.comparison import listings, parting
        from upslope.twins.pairs import PAIRS
        from upslope.twins.trainers import InKeras, InTorch

        rows, labels = run.logged(), test["label"]
        curves = figures.curves(rows, PANELS, smooth=30, per_epoch=per_epoch)
        run.picture("curves", curves, "One curve over the other: PyTorch and Keras on the same batches.")
        run.picture(
            "apart",
            parting(rows),
            "By how much the two losses differ. A last bit is about 0.0000001; training lets it grow.",
        )
        weaker = min(answers, key=lambda name: accuracy(answers[name], labels))
        by, images = f", by {weaker}, the weaker of the two", test["image"] if "image" in test.columns else None
        classification.mistakes(run, answers[weaker], labels, test.classes, images=images, by=by)
        if images is None:
            text_methods.mistakes(run, test["text"], answers[weaker], labels, test.classes)
        run.listings |= listings([*PAIRS[run.config.model].shown, (InTorch.learn, InKeras.learn)])
