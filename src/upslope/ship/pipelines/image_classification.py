"""Image classification in use: any picture, prepared to look like the training data, and a probability by class."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from upslope.data.loading.dataset import Dataset
from upslope.features import Image
from upslope.image.channels import channels_first
from upslope.runs.model_spec import ModelSpec
from upslope.runs.workspace import short
from upslope.ship.classified import UNSURE, ClassificationPipeline, Classified, shortened
from upslope.ship.pictures import DRAWN, Pictures, Shown, read_pictures
from upslope.ship.pipelines.pipeline import Arrays, Options, Remark, UnreadableInput, data_card, generated_like
from upslope.ship.standardized import standardized

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import nn

_LOOKS = {
    "handwriting": "one character, ink 1 on a background of 0, scaled into a box of 20 x 20 pixels and centred by mass",
    "product": "one thing, grey, on a background of 0, trimmed, scaled to the longer side and put into the middle",
    "photo": "the middle of the picture",
    "whole": "all of the picture's shorter side, and as much of the middle of the longer one",
}


class ImageClassification(ClassificationPipeline):
    """Pictures and folders of them in, classes out."""

    tag: ClassVar[str] = "image-classification"
    noun: ClassVar[str] = "picture"
    example: ClassVar[str] = "picture.png"

    @classmethod
    def wrap(cls, model: "nn.Module", spec: ModelSpec) -> "nn.Module":
        """Pixels in [0, 1] in: they are standardized inside."""
        return standardized(model, spec)

    @property
    def look(self) -> str:
        """How any picture is made to look like those of training: a function of `upslope.image.preprocess`."""
        if "look" in self.spec.preprocessing:
            return str(self.spec.preprocessing["look"])
        card = data_card(self.spec) or generated_like(self.spec)  # of a version that did not state it
        found = card.of(Image) if card is not None else None
        return found[1].look if found is not None else "photo"

    def read(self, words: Sequence[str], options: Options) -> Iterator[Shown | UnreadableInput | Remark]:
        """Each picture; a folder stands for the pictures in it."""
        levels = int(self.spec.preprocessing.get("levels", 0))
        yield from read_pictures(words, look=self.look, shape=self.spec.shape, levels=levels)

    def notes(self, item: Shown) -> tuple[str, ...]:
        """Further pictures of the file."""
        return item.notes

    def doubt(self, item: Shown, probabilities: Pictures) -> str:
        """A blank picture, several things in it, no class that stands out."""
        if float(np.ptp(item.seen)) < 0.05:
            return f"no clear object in {short(item.path)}: ignore this prediction"
        if item.crowded:
            return item.crowded
        if float(probabilities.max()) < UNSURE:
            return f"no class stands out for {short(item.path)}: it may show none of them"
        return ""

    def rows(self, dataset: Dataset) -> Arrays:
        """Pictures of a data set, in all the channels that the network takes."""
        images = np.broadcast_to(channels_first(dataset["image"]), (len(dataset), *self.spec.shape))
        return {next(iter(self.spec.inputs)): np.ascontiguousarray(images)}

    def draw(self, answers: Sequence[Classified]) -> "Figure":
        """Each of the first DRAWN pictures beside what the network saw of it, with its answer."""
        from matplotlib.figure import Figure

        answers = answers[:DRAWN]
        across = 1 if len(answers) < 4 else 3
        down = -(-len(answers) // across)
        figure = Figure(figsize=(4.8 * across, 2.3 * down + 0.2), layout="constrained", facecolor="white")
        axes = figure.subplots(down, 2 * across, squeeze=False).ravel()
        for unused in axes[2 * len(answers) :]:
            unused.remove()
        for left, right, answer in zip(axes[::2], axes[1::2], answers, strict=False):
            if answer.item.picture is not None:
                left.imshow(np.clip(answer.item.picture, 0, 1))
            left.set_title(shortened(answer.path.name), fontsize=8, parse_math=False)
            seen = answer.item.seen.transpose(1, 2, 0)
            right.imshow(seen[:, :, 0] if seen.shape[2] == 1 else seen, cmap="gray_r", vmin=0, vmax=1)
            right.set_title(answer.title, fontsize=8)
            for axis in (left, right):
                axis.set_xticks([])
                axis.set_yticks([])
        return figure

    def card(self) -> dict[str, list[str]]:
        """What it does, how pictures are prepared, what it cannot do."""
        shape, classes = " x ".join(map(str, self.spec.shape)), self.spec.classes
        mean, std = (", ".join(f"{v:.4f}" for v in self.spec.preprocessing[name]) for name in ("mean", "std"))
        look = _LOOKS.get(self.look, "")
        warm = self.spec.temperature != 1
        divided = f", divided by {self.spec.temperature:.3f}, chosen on validation data," if warm else ""
        return {
            "What it does": [
                f"Takes pictures ({shape}) and gives a logit for each of {len(classes)} classes: "
                f"{', '.join(classes)}. A softmax over the logits{divided} gives probabilities."
            ],
            "How pictures are prepared": [
                f"{shape}, pixels in [0, 1]" + (f"; {look}" if look else "") + ". "
                f"The training data's mean {mean}, standard deviation {std} are applied inside the file (a safetensors "
                f"file holds weights alone: apply them before)."
            ],
            "Limits": [
                "It knows its classes only and names one of them for every picture, whatever it shows; `upslope "
                "predict` warns of many that show none, not of all. It was never "
                "shown other cameras, papers, pens, rooms or people than those of its data; measure it on your own "
                "pictures before you rely on it. Nothing was done against pictures made to mislead it.",
            ],
        }
