"""Unconditional image generation in use: images out of random numbers, each a function of a seed and its number."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from upslope.data.loading.dataset import Dataset
from upslope.ship.pipelines.pipeline import Arrays, Options, Pipeline, Prediction, UnreadableInput
from upslope.training.latents import latents

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = 10  # at most, of a sheet
DRAWN = 400  # images of a sheet: a taller one may not be a PNG
ALIKE = 0.02  # of a pixel's standard deviation over the samples, on average


@dataclass(frozen=True)
class Asked:
    """How many samples of which seed."""

    count: int
    seed: int


@dataclass(frozen=True)
class Generated(Prediction):
    """The samples that were asked for."""

    seed: int
    images: NDArray[np.float32] = field(repr=False)  # (count, H, W), in [0, 1]

    @property
    def spread(self) -> float:
        """A pixel's standard deviation over the samples, averaged over the pixels; of one sample 0."""
        return float(self.images.std(axis=0).mean())

    def rows(self, options: Options) -> list[tuple[str, str, float | None]]:
        """How large, and how different from each other."""
        height, width = self.images.shape[1:]
        return [("pixels", f"{height} x {width}", None), ("spread over samples", f"{self.spread:.3f}", None)]

    def facts(self, options: Options) -> dict[str, Any]:
        """The seed, and of each sample its number and its brightness."""
        each = [{"number": number, "mean_pixel": float(image.mean())} for number, image in enumerate(self.images)]
        return {
            "seed": self.seed,
            "count": len(self.images),
            "shape": list(self.images.shape[1:]),
            "spread": self.spread,
            "samples": each,
            "doubt": self.doubt or None,
        }


class UnconditionalImageGeneration(Pipeline):
    """No input; images of the kind that the network learned from."""

    tag: ClassVar[str] = "unconditional-image-generation"
    noun: ClassVar[str] = "input"
    needs_input: ClassVar[bool] = False
    example: ClassVar[str] = "--count 16 --seed 3 --show sheet.png"
    options: ClassVar[frozenset[str]] = frozenset({"count", "seed"})

    @property
    def latent_dim(self) -> int:
        """How many random numbers make an image."""
        return int(self.spec.shape[0])

    def read(self, words: Sequence[str], options: Options) -> Iterator[Asked | UnreadableInput]:
        """What the options ask for; words are refused."""
        for word in words:
            yield UnreadableInput(
                word, f"{self.network.name} makes images out of random numbers: it does not read {word}"
            )
        if not words:
            yield Asked(options.count, options.seed)

    def preprocess(self, items: Sequence[Asked]) -> Arrays:
        """{"z": (N, Z)}: the first latent vectors of each seed."""
        drawn = [latents(item.count, self.latent_dim, seed=item.seed) for item in items]
        return {next(iter(self.spec.inputs)): np.concatenate(drawn)}

    def postprocess(self, outputs: Arrays, items: Sequence[Asked]) -> list[Prediction]:
        """Pixels from the range of the network to [0, 1]."""
        (name, said), *_ = self.spec.outputs.items()
        low, high = float(said["low"]), float(said["high"])
        images = np.clip((outputs[name][:, 0] - low) / (high - low), 0, 1).astype(np.float32)
        ends = np.cumsum([item.count for item in items])[:-1]
        return [self._answer(item, part) for item, part in zip(items, np.split(images, ends), strict=True)]

    def _answer(self, item: Asked, images: NDArray[np.float32]) -> Generated:
        made = Generated(f"{item.count} sample{'s' * (item.count > 1)} of seed {item.seed}", item.seed, images)
        if item.count == 1 or made.spread >= ALIKE:
            return made
        doubt = "the samples look all alike: the generator has collapsed to one image"
        return Generated(made.subject, item.seed, images, doubt=doubt)

    def rows(self, dataset: Dataset) -> Arrays:
        """As many latent vectors as there are rows."""
        return self.preprocess([Asked(len(dataset), 0)])

    def samples(self, count: int) -> tuple[Arrays, str]:
        """Latent vectors, whatever the data were."""
        return self.preprocess([Asked(count, 0)]), "latent vectors"

    def draw(self, answers: Sequence[Generated]) -> "Figure":
        """All samples on one sheet, in the order of their numbers."""
        from upslope.runs.figures import sheet

        images = np.concatenate([answer.images for answer in answers])[:DRAWN]
        columns = min(COLUMNS, int(np.ceil(len(images) ** 0.5)))
        rows = -(-len(images) // columns)
        empty = np.zeros((rows * columns - len(images), *images.shape[1:]), dtype=images.dtype)
        return sheet(np.concatenate([images, empty]).reshape(rows, columns, *images.shape[1:]))

    def card(self) -> dict[str, list[str]]:
        """What it does, what it is fed, what it cannot do."""
        return {
            "What it does": [
                f"Takes latent vectors z of {self.latent_dim} independent, normally distributed numbers and gives an "
                f"image for each, pixels in [-1, 1]; (x + 1) / 2 brings them to [0, 1]."
            ],
            "How latent vectors are drawn": [
                "`numpy.random.default_rng(seed).standard_normal((count, dim), dtype=numpy.float32)`. Sample number n "
                "of a seed is the same whatever others are drawn with it."
            ],
            "Limits": [
                "It makes images of the kind it learned from, some of them wrong, and cannot be asked for a class. "
                "Compare it with others by the scores above only where the judge is the same.",
            ],
        }
