"""Unconditional image generation in use: images out of random numbers, each a function of a seed and its number."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from upslope.data.loading.dataset import Dataset
from upslope.ship.generated import ImageGenerator, Images, SampleRequest
from upslope.ship.pipelines.pipeline import Arrays, Options
from upslope.training.latents import latents

NUMBERED = 100_000  # samples of a seed: number n is found by drawing all before it


class UnconditionalImageGeneration(ImageGenerator):
    """No input; images of the kind that the network learned from, each out of one latent vector."""

    tag: ClassVar[str] = "unconditional-image-generation"
    noun: ClassVar[str] = "input"

    @property
    def latent_dim(self) -> int:
        """How many random numbers make an image."""
        return int(self.spec.shape[0])

    def refuses(self, options: Options) -> str:
        """A sample's number has an end, because all latent vectors before it are drawn as well."""
        if options.numbers.stop <= NUMBERED:
            return ""
        return f"samples of a seed are numbered from 0 to {NUMBERED - 1}, and you ask for number {options.numbers[-1]}"

    def generate(self, request: SampleRequest) -> Images:
        """The latent vectors of these numbers through the network, pixels from its range to [0, 1]."""
        (name, said), *_ = self.spec.outputs.items()
        low, high = float(said["low"]), float(said["high"])
        ((z, vectors),) = self.preprocess([request]).items()
        parts = np.split(vectors, range(self.together, len(vectors), self.together))
        made = np.concatenate([self.network.forward({z: part})[name][:, 0] for part in parts])
        images: Images = np.clip((made - low) / (high - low), 0, 1).astype(np.float32)
        return images

    def preprocess(self, items: Sequence[SampleRequest]) -> Arrays:
        """{"z": (N, Z)}: the latent vectors of each request."""
        asked = [item.options for item in items]
        drawn = [latents(each.count, self.latent_dim, seed=each.seed, first=each.first) for each in asked]
        return {next(iter(self.spec.inputs)): np.concatenate(drawn)}

    def rows(self, dataset: Dataset) -> Arrays:
        """As many latent vectors as there are rows."""
        return self.preprocess([SampleRequest(Options(count=len(dataset)))])

    def samples(self, count: int) -> tuple[Arrays, str]:
        """Latent vectors, whatever the data were."""
        return self.preprocess([SampleRequest(Options(count=count))]), "latent vectors"

    def card(self) -> dict[str, list[str]]:
        """What it does, what it is fed, what it cannot do."""
        return {
            "What it does": [
                f"Takes latent vectors z of {self.latent_dim} independent, normally distributed numbers and gives an "
                f"image for each, pixels in [-1, 1]; (x + 1) / 2 brings them to [0, 1]."
            ],
            "How latent vectors are drawn": [
                "`numpy.random.default_rng(seed).standard_normal((count, dim), dtype=numpy.float32)`; row n is sample "
                "number n of the seed, whatever others are drawn with it."
            ],
            "Limits": [
                "It makes images of the kind it learned from, some of them wrong, and cannot be asked for a class. "
                "Compare it with others by the scores above only where the judge is the same.",
            ],
        }
