"""Classes with their probabilities: what every classification pipeline returns."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from upslope.data.loading.dataset import Dataset
from upslope.runs import out_of_distribution
from upslope.runs.workspace import short
from upslope.ship.pipelines.pipeline import Arrays, Options, Pipeline, Prediction
from upslope.ship.softmax import softmax

UNSURE = 0.5  # below this no class stands out


class Item(Protocol):
    """An input as it was found, and as the network looks at it."""

    @property
    def path(self) -> Path:
        """Where it was found."""

    @property
    def seen(self) -> NDArray[np.float32]:
        """What the network looks at."""


@dataclass(frozen=True)
class Classified(Prediction):
    """What a network says about one input, most probable class first."""

    path: Path
    classes: tuple[str, ...]
    probabilities: tuple[float, ...]
    item: Any = field(repr=False)  # an `Item` of the pipeline's own kind
    more: dict[str, Any] = field(default_factory=dict)  # facts of that kind

    @property
    def title(self) -> str:
        """The class over a drawing: "boot   97.1 %", with a question mark where it is doubted."""
        return f"{self.classes[0]}{'?' if self.doubt else ''}   {100 * self.probabilities[0]:.1f} %"

    def rows(self, options: Options) -> list[tuple[str, str, float | None]]:
        """The first classes with their shares."""
        best = zip(self.classes[: options.top], self.probabilities[: options.top], strict=True)
        return [(name, f"{100 * share:.1f} %", share) for name, share in best]

    def facts(self, options: Options) -> dict[str, Any]:
        """The path, the class, the first probabilities."""
        best = zip(self.classes[: options.top], self.probabilities[: options.top], strict=True)
        said = {"answer": self.classes[0], "probabilities": dict(best), "doubt": self.doubt or None}
        return {"path": str(self.path), **self.more, **said}


class ClassificationPipeline(Pipeline):
    """Files in, classes out: the softmax of the logits. A subclass reads and prepares, and says what is doubtful."""

    options: ClassVar[frozenset[str]] = frozenset({"top"})

    @abstractmethod
    def doubt(self, item: Any, probabilities: NDArray[np.float32]) -> str:
        """One sentence on why not to rely on an answer, or ""."""

    def more(self, item: Any) -> dict[str, Any]:
        """Facts about an input that JSON holds beside the path."""
        return {}

    def notes(self, item: Any) -> tuple[str, ...]:
        """Sentences on what of an input was not looked at."""
        return ()

    def preprocess(self, items: Sequence[Item]) -> Arrays:
        """What the network looks at, under the name of its input."""
        return {next(iter(self.spec.inputs)): np.stack([item.seen for item in items])}

    def postprocess(self, outputs: Arrays, items: Sequence[Item]) -> list[Prediction]:
        """The softmax of the logits over the temperature that the run chose, most probable class first."""
        logits = outputs["logits"].astype(np.float64)
        shares = softmax(logits, temperature=self.spec.temperature).astype(np.float32)
        strange = out_of_distribution.unlike(logits, self.spec.typical)
        return [self._answer(item, row, bool(odd)) for item, row, odd in zip(items, shares, strange, strict=True)]

    def score(self, outputs: Arrays, dataset: Dataset) -> tuple[str, float]:
        """The share of right answers."""
        return "accuracy", float((outputs["logits"].argmax(axis=1) == dataset["label"]).mean())

    def _answer(self, item: Item, row: NDArray[np.float32], odd: bool) -> Classified:
        doubt = self.doubt(item, row)
        if odd and not doubt:
            doubt = (
                f"{short(item.path)} looks unlike the {self.noun}s that {self.network.name} knows: it may show none "
                "of its classes"
            )
        order = np.argsort(-row, kind="stable")
        return Classified(
            str(item.path),
            item.path,
            tuple(self.spec.classes[k] for k in order),
            tuple(float(row[k]) for k in order),
            item,
            self.more(item),
            doubt=doubt,
            notes=self.notes(item),
        )


def shortened(name: str, most: int = 34) -> str:
    """A name that fits over a drawing; what cannot be drawn is a question mark."""
    name = "".join(c if c.isprintable() else "?" for c in name)
    return name if len(name) <= most else f"{name[: most // 2 - 1]}...{name[-most // 2 + 2 :]}"
