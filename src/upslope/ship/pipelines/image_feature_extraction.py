"""Face verification in use: the first picture is compared with each of the others by the cosine of embeddings."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from upslope.cards import discover
from upslope.data.loading.dataset import Dataset
from upslope.data.loading.fetch import have
from upslope.image.channels import channels_first
from upslope.runs.model_spec import ModelSpec
from upslope.runs.workspace import short
from upslope.ship.pictures import DRAWN, Shown, read_pictures
from upslope.ship.pipelines.pipeline import (
    Arrays,
    Options,
    Pipeline,
    Prediction,
    Remark,
    UnreadableInput,
    data_card,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import nn


@dataclass(frozen=True)
class Compared(Prediction):
    """How alike two pictures are."""

    similarity: float  # the cosine, from -1 to 1
    threshold: float | None  # from which on it is one person
    first: Shown = field(repr=False)
    second: Shown = field(repr=False)

    @property
    def verdict(self) -> str:
        """One person or two; "" where no threshold was chosen."""
        if self.threshold is None:
            return ""
        return "one person" if self.similarity >= self.threshold else "two people"

    def rows(self, options: Options) -> list[tuple[str, str, float | None]]:
        """The verdict, the similarity and what it is compared with."""
        rows: list[tuple[str, str, float | None]] = [("similarity", f"{self.similarity:.2f}", max(0, self.similarity))]
        if self.threshold is not None:
            rows += [("threshold", f"{self.threshold:.2f}", max(0, self.threshold)), ("verdict", self.verdict, None)]
        return rows

    def facts(self, options: Options) -> dict[str, Any]:
        """Both paths, the similarity, the verdict."""
        said = {"answer": self.verdict or None, "similarity": self.similarity, "threshold": self.threshold}
        return {"path": str(self.second.path), "with": str(self.first.path), **said, "doubt": self.doubt or None}


class ImageFeatureExtraction(Pipeline):
    """Pictures and folders of them in; of each but the first how alike it is to the first."""

    tag: ClassVar[str] = "image-feature-extraction"
    noun: ClassVar[str] = "picture"
    example: ClassVar[str] = "one.png another.png"
    _first: tuple[Shown, NDArray[np.float32]] | None = None  # the first picture and its embedding

    @classmethod
    def wrap(cls, model: "nn.Module", spec: ModelSpec) -> "nn.Module":
        """Pixels in [0, 1] in, an embedding of length 1 out, the same for a picture and its mirror image."""
        from torch import Tensor, nn

        from upslope.models.vision.face_embedder import embed

        class Embedding(nn.Module):
            """The embedder, asked about a picture and its mirror image."""

            def __init__(self) -> None:
                super().__init__()
                self.model = model

            def forward(self, image: Tensor) -> Tensor:
                return embed(self.model, image)

        return Embedding()

    def read(self, words: Sequence[str], options: Options) -> Iterator[Shown | UnreadableInput | Remark]:
        """Each picture; a folder stands for the pictures in it. A single one is refused."""
        self._first, seen = None, []
        for found in read_pictures(words, look=str(self.spec.preprocessing["look"]), shape=self.spec.shape):
            if isinstance(found, Shown):
                seen.append(found.path)
            yield found
        if len(seen) == 1:
            typed = f"upslope predict {self.network.name} {self.example}"
            yield UnreadableInput(str(seen[0]), f"{short(seen[0])} is one picture, and two are compared: {typed}")

    def preprocess(self, items: Sequence[Shown]) -> Arrays:
        """{"image": (N, C, S, S)}, in [0, 1]."""
        return {"image": np.stack([item.seen for item in items])}

    def postprocess(self, outputs: Arrays, items: Sequence[Shown]) -> list[Prediction]:
        """The first picture waits for the others; each of these is compared with it."""
        answers: list[Prediction] = []
        threshold = self.spec.preprocessing.get("threshold")
        for item, embedding in zip(items, outputs["embedding"], strict=True):
            if self._first is None:
                self._first = (item, embedding)
                continue
            first, other = self._first
            blank = next((one for one in (first, item) if float(np.ptp(one.seen)) < 0.05), None)
            doubt = f"nothing is to be seen in {short(blank.path)}: ignore this answer" if blank else ""
            subject = f"{short(first.path)} and {short(item.path)}"
            cosine = float(np.clip(embedding @ other, -1, 1))
            answers.append(Compared(subject, cosine, threshold, first, item, doubt=doubt, notes=item.notes))
        return answers

    def rows(self, dataset: Dataset) -> Arrays:
        """Pictures of a data set."""
        return {"image": channels_first(dataset["image"])}

    def samples(self, count: int) -> tuple[Arrays, str]:
        """Pictures of the data set where they are here (all are in one split), else generated or random ones."""
        card = data_card(self.spec)
        if card is None or (card.files and not have(card)):
            return super().samples(count)
        return self.rows(discover("data")[card.name].load().load().take(slice(count))), f"pictures of {card.name}"

    def draw(self, answers: Sequence[Compared]) -> "Figure":
        """Both pictures as the network saw them, side by side, with the answer."""
        from matplotlib.figure import Figure

        answers = answers[:DRAWN]
        figure = Figure(figsize=(4.4, 2.3 * len(answers) + 0.2), layout="constrained", facecolor="white")
        for (left, right), answer in zip(figure.subplots(len(answers), 2, squeeze=False), answers, strict=True):
            for axis, item in ((left, answer.first), (right, answer.second)):
                axis.imshow(item.seen.transpose(1, 2, 0).squeeze(), cmap="gray", vmin=0, vmax=1)
                axis.set_xticks([])
                axis.set_yticks([])
            left.set_title(f"{answer.verdict}{'?' if answer.doubt else ''}", fontsize=8)
            right.set_title(f"similarity {answer.similarity:.2f}", fontsize=8)
        return figure

    def card(self) -> dict[str, list[str]]:
        """What it does, how pictures are prepared, what it cannot do."""
        shape, threshold = " x ".join(map(str, self.spec.shape)), self.spec.preprocessing.get("threshold")
        said = "" if threshold is None else f" From {threshold:.2f} on two pictures are said to show one person."
        return {
            "What it does": [
                f"Takes pictures ({shape}) of a face and gives an embedding of length 1. The dot product of two "
                f"embeddings says how alike the faces are.{said}"
            ],
            "How pictures are prepared": [
                f"{shape}, pixels in [0, 1], the largest square from the middle. The face has to fill it, upright, as "
                "in the training data: nothing looks for it. Each picture is brought to mean 0 and deviation 1 inside."
            ],
            "Limits": [
                "It learned from forty people of one laboratory, most of them men. For others its errors are not "
                "known, and they are likely to be more. A photograph of a face passes for the face. Use it for nothing "
                "that matters to anybody, and store no face without consent."
            ],
        }
