"""Image classification in use: any picture, prepared to look like the training data, and a probability by class."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from upslope.data.loading.dataset import Dataset
from upslope.features import Image
from upslope.image import prepare
from upslope.image.channels import channels_first
from upslope.image.read import Picture, UnreadablePicture, pictures_in, read_picture
from upslope.image.resize import with_longest
from upslope.runs.model_spec import ModelSpec
from upslope.runs.workspace import short
from upslope.ship.pipelines.pipeline import Answer, Arrays, Options, Pipeline, Unread, data_card, generated_like

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import nn

Pictures = NDArray[np.float32]  # (C, H, W) or (N, C, H, W), in [0, 1]

DRAWN = 50  # answers in one figure: beyond 200 or so it is taller than a PNG may be
SMALL = 360  # pixels on the longer side of a picture in a figure
UNSURE = 0.5  # below this no class stands out

_LOOKS = {
    "handwriting": "one character, ink 1 on a background of 0, scaled into a box of 20 x 20 pixels and centred by mass",
    "product": "one thing, grey, on a background of 0, trimmed, scaled to the longer side and put into the middle",
    "photo": "the middle of the picture",
}


@dataclass(frozen=True)
class Shown:
    """A picture as it was found, and as the network is shown it."""

    path: Path
    seen: Pictures  # (C, H, W)
    picture: Picture | None  # a small one, of the first DRAWN: from a pipe it could not be read again


@dataclass(frozen=True)
class Classified(Answer):
    """What a network says about one picture, most probable class first."""

    path: Path
    classes: tuple[str, ...]
    probabilities: tuple[float, ...]
    shown: Shown = field(repr=False)

    def rows(self, options: Options) -> list[tuple[str, str, float | None]]:
        """The first classes with their shares."""
        best = zip(self.classes[: options.top], self.probabilities[: options.top], strict=True)
        return [(name, f"{100 * share:.1f} %", share) for name, share in best]

    def facts(self, options: Options) -> dict[str, Any]:
        """The path, the class, the first probabilities."""
        best = zip(self.classes[: options.top], self.probabilities[: options.top], strict=True)
        return {
            "path": str(self.path),
            "answer": self.classes[0],
            "probabilities": dict(best),
            "doubt": self.doubt or None,
        }


class ImageClassification(Pipeline):
    """Pictures and folders of them in, classes out."""

    tag: ClassVar[str] = "image-classification"
    noun: ClassVar[str] = "picture"
    example: ClassVar[str] = "picture.png"
    options: ClassVar[frozenset[str]] = frozenset({"top"})

    @classmethod
    def wrap(cls, model: "nn.Module", spec: ModelSpec) -> "nn.Module":
        """Pixels in [0, 1] in: the mean is subtracted and the standard deviation divided by inside."""
        import torch
        from torch import Tensor, nn

        from upslope.training.tasks.image_classification import standardize

        class Standardized(nn.Module):
            """Subtracts the mean, divides by the standard deviation, asks the network."""

            mean: Tensor
            std: Tensor

            def __init__(self) -> None:
                super().__init__()
                self.model = model
                for name in ("mean", "std"):
                    value = torch.tensor(spec.preprocessing[name], dtype=torch.float32)
                    self.register_buffer(name, value.reshape(-1, 1, 1))

            def forward(self, image: Tensor) -> Tensor:
                return cast(Tensor, self.model(standardize(image, self.mean, self.std)))

        return Standardized()

    @property
    def look(self) -> str:
        """How any picture is made to look like those of training: a function of `upslope.image.prepare`."""
        if "look" in self.spec.preprocessing:
            return str(self.spec.preprocessing["look"])
        card = data_card(self.spec) or generated_like(self.spec)  # of a version that did not state it
        found = card.of(Image) if card is not None else None
        return found[1].look if found is not None else "photo"

    def read(self, words: Sequence[str], options: Options) -> Iterator[Shown | Unread]:
        """Each picture; a folder stands for the pictures in it."""
        kept = 0
        for path in self._files(words):
            if isinstance(path, Unread):
                yield path
                continue
            try:
                picture = read_picture(path)
            except UnreadablePicture as problem:
                yield Unread(str(path), str(problem))
                continue
            small = with_longest(picture, min(SMALL, max(picture.shape))) if kept < DRAWN else None
            kept += 1
            yield Shown(path, self.prepared(picture), small)

    @staticmethod
    def _files(words: Sequence[str]) -> Iterator[Path | Unread]:
        for path in map(Path, words):
            if not path.is_dir():
                yield path
                continue
            try:
                yield from pictures_in(path)
            except UnreadablePicture as problem:
                yield Unread(str(path), str(problem))

    def prepared(self, picture: Picture) -> Pictures:
        """A picture as this network's data has them: (C, H, W) in [0, 1]."""
        channels, height, width = self.spec.shape
        made = getattr(prepare, self.look)(picture, height, width)
        if made.ndim == 2:
            made = np.repeat(made[:, :, np.newaxis], channels, axis=2)
        elif channels == 1:
            made = made.mean(axis=2, keepdims=True)
        return np.ascontiguousarray(made.transpose(2, 0, 1), dtype=np.float32)

    def preprocess(self, items: Sequence[Shown]) -> Arrays:
        """{"image": (N, C, H, W)}."""
        return {next(iter(self.spec.inputs)): np.stack([item.seen for item in items])}

    def postprocess(self, outputs: Arrays, items: Sequence[Shown]) -> list[Answer]:
        """The softmax of the logits, most probable class first."""
        logits = outputs["logits"].astype(np.float64)
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return [
            self._answer(item, row.astype(np.float32))
            for item, row in zip(items, powers / powers.sum(axis=1, keepdims=True), strict=True)
        ]

    def _answer(self, item: Shown, row: NDArray[np.float32]) -> Classified:
        order = np.argsort(-row, kind="stable")
        names = tuple(self.spec.classes[k] for k in order)
        shares = tuple(float(row[k]) for k in order)
        return Classified(str(item.path), item.path, names, shares, item, doubt=_doubt(item, row))

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
            if answer.shown.picture is not None:
                left.imshow(np.clip(answer.shown.picture, 0, 1))
            left.set_title(_shortened(answer.path.name), fontsize=8, parse_math=False)
            seen = answer.shown.seen.transpose(1, 2, 0)
            right.imshow(seen[:, :, 0] if seen.shape[2] == 1 else seen, cmap="gray_r", vmin=0, vmax=1)
            doubt = "?" if answer.doubt else ""
            right.set_title(f"{answer.classes[0]}{doubt}   {100 * answer.probabilities[0]:.1f} %", fontsize=8)
            for axis in (left, right):
                axis.set_xticks([])
                axis.set_yticks([])
        return figure

    def card(self) -> dict[str, list[str]]:
        """What it does, how pictures are prepared, what it cannot do."""
        shape, classes = " x ".join(map(str, self.spec.shape)), self.spec.classes
        mean, std = (", ".join(f"{v:.4f}" for v in self.spec.preprocessing[name]) for name in ("mean", "std"))
        look = _LOOKS.get(self.look, "")
        return {
            "What it does": [
                f"Takes pictures ({shape}) and gives a logit for each of {len(classes)} classes: "
                f"{', '.join(classes)}. A softmax over the logits gives probabilities."
            ],
            "How pictures are prepared": [
                f"{shape}, pixels in [0, 1]" + (f"; {look}" if look else "") + ". "
                f"The training data's mean {mean}, standard deviation {std} are applied inside the file (a safetensors "
                f"file holds weights alone: apply them before)."
            ],
            "Limits": [
                "It knows its classes only and names one of them for every picture, whatever it shows. It was never "
                "shown other cameras, papers, pens, rooms or people than those of its data; measure it on your own "
                "pictures before you rely on it. Nothing was done against pictures made to mislead it.",
            ],
        }


def _shortened(name: str, most: int = 34) -> str:
    """A name that fits over its picture; what cannot be drawn is a question mark."""
    name = "".join(c if c.isprintable() else "?" for c in name)
    return name if len(name) <= most else f"{name[: most // 2 - 1]}...{name[-most // 2 + 2 :]}"


def _doubt(item: Shown, row: NDArray[np.float32]) -> str:
    if float(np.ptp(item.seen)) < 0.05:
        return f"no clear object in {short(item.path)}: ignore this prediction"
    if float(row.max()) < UNSURE:
        return f"no class stands out for {short(item.path)}: it may show none of them"
    return ""
