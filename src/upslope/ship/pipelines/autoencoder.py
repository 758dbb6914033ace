"""An autoencoder with latent variables in use: images out of noise; pictures rebuilt, and a bound of their likelihood.

The graph that is used and exported takes an image and a point of the latent space, and gives what the encoder and the
decoder make of them: everything here follows from that, also from an ONNX file, without PyTorch.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from upslope.data.loading.dataset import Dataset
from upslope.image.binarize import binarized
from upslope.image.channels import channels_first
from upslope.runs.model_spec import ModelSpec
from upslope.runs.workspace import short
from upslope.ship.classified import shortened
from upslope.ship.generated import contact_sheet
from upslope.ship.pictures import DRAWN, Shown, read_pictures
from upslope.ship.pipelines.pipeline import Arrays, Options, Pipeline, Prediction, Remark, UnreadableInput
from upslope.training.numbered_noise import numbered_noise

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import nn

Floats = NDArray[np.float32]

SAMPLES = 100  # of the posterior, for the bound of a picture
_SHADES = " ░▒▓█"


@dataclass(frozen=True)
class Point:
    """A point of the latent space, drawn from the prior: a function of (seed, number) alone."""

    seed: int
    number: int
    latent: Floats  # (D,)


@dataclass(frozen=True)
class Sampled(Prediction):
    """An image out of noise: the probability of each pixel."""

    point: Point = field(repr=False)
    image: Floats = field(repr=False)  # (C, H, W)

    def text(self, options: Options) -> str:
        """The image in characters, two pixels high each."""
        pixels = self.image.mean(axis=0)
        pixels = pixels[: len(pixels) // 2 * 2].reshape(-1, 2, pixels.shape[1]).mean(axis=1)
        shades = np.clip(pixels * len(_SHADES), 0, len(_SHADES) - 1).astype(int)
        return "\n".join("".join(_SHADES[shade] for shade in row).rstrip() for row in shades)

    def facts(self, options: Options) -> dict[str, Any]:
        """The seed, the number, the latents, the pixels."""
        return {
            "seed": self.point.seed,
            "number": self.point.number,
            "latent": self.point.latent.tolist(),
            "image": np.round(self.image.astype(float), 4).tolist(),
        }


@dataclass(frozen=True)
class Rebuilt(Prediction):
    """A picture, what the network makes of it, and how probable it holds it to be, in nats."""

    shown: Shown = field(repr=False)
    image: Floats = field(repr=False)  # (C, H, W), of 0 and 1
    reconstruction: Floats = field(repr=False)  # (C, H, W)
    nats: dict[str, float] = field(default_factory=dict)

    def rows(self, options: Options) -> list[tuple[str, str, float | None]]:
        """The bounds."""
        return [(name.replace("_", " "), f"{value:.1f} nats", None) for name, value in self.nats.items()]

    def facts(self, options: Options) -> dict[str, Any]:
        """The path, the bounds, the reconstruction."""
        reconstruction = np.round(self.reconstruction.astype(float), 4).tolist()
        return {
            "path": str(self.shown.path),
            **self.nats,
            "reconstruction": reconstruction,
            "doubt": self.doubt or None,
        }


class Autoencoder(Pipeline):
    """Nothing in, images out; or pictures in, their reconstructions and bounds out."""

    tag: ClassVar[str] = "autoencoder"
    noun: ClassVar[str] = "picture"
    needs_input: ClassVar[bool] = False
    example: ClassVar[str] = "--count 16 --seed 1 --show samples.png"
    options: ClassVar[frozenset[str]] = frozenset({"count", "first", "seed", "out"})

    @classmethod
    def wrap(cls, model: "nn.Module", spec: ModelSpec) -> "nn.Module":
        """An image of 0 and 1 and a latent in: the reconstruction by the mean, the posterior, the latent decoded."""
        from torch import Tensor, nn

        class Used(nn.Module):
            """Encoder and decoder without chance."""

            def __init__(self) -> None:
                super().__init__()
                self.model: Any = model

            def forward(self, image: Tensor, latent: Tensor) -> tuple[Tensor, ...]:
                mean, log_variance = self.model.encode(image)
                return self.model.decode(mean), mean, log_variance, self.model.decode(latent)

        return Used()

    def read(self, words: Sequence[str], options: Options) -> Iterator[Point | Shown | UnreadableInput | Remark]:
        """The pictures; without any, as many points of the latent space as are asked for."""
        self._seed = options.seed
        if words:
            yield from read_pictures(words, look=str(self.spec.preprocessing["look"]), shape=self.spec.shape)
            return
        for number in options.numbers:
            (latent,) = numbered_noise([number], (self._latents,), seed=options.seed)
            yield Point(options.seed, number, latent)

    @property
    def _latents(self) -> int:
        return int(self.spec.inputs["latent"]["shape"][0])

    def preprocess(self, items: Sequence[Point | Shown]) -> Arrays:
        """{"image": (N, C, H, W) of 0 and 1, "latent": (N, D)}; what an item does not have is 0."""
        nothing = np.zeros(self._latents, dtype=np.float32)
        return {
            "image": np.stack([self._black_and_white(item) for item in items]),
            "latent": np.stack([item.latent if isinstance(item, Point) else nothing for item in items]),
        }

    def _black_and_white(self, item: Point | Shown) -> Floats:
        """As in evaluation: white with the grey value as probability."""
        if isinstance(item, Point):
            return np.zeros(self.spec.shape, dtype=np.float32)
        image: Floats = binarized(item.seen[np.newaxis], seed=self._seed)[0]
        return image

    def postprocess(self, outputs: Arrays, items: Sequence[Point | Shown]) -> list[Prediction]:
        """Probabilities of pixels; of a picture the bounds, too."""
        answers: list[Prediction] = []
        for row, item in enumerate(items):
            if isinstance(item, Point):
                answers.append(Sampled(f"sample {item.number + 1}", item, _sigmoid(outputs["generated"][row])))
                continue
            image = self._black_and_white(item)
            nats = self._bounds(image, outputs["mean"][row], outputs["log_variance"][row])
            doubt = "" if image.any() else f"nothing is left of {short(item.path)} in black and white: ignore its bound"
            drawn = _sigmoid(outputs["reconstruction"][row])
            doubt = doubt or item.crowded
            answers.append(Rebuilt(str(item.path), item, image, drawn, nats, doubt=doubt, notes=item.notes))
        return answers

    def _bounds(self, image: Floats, mean: Floats, log_variance: Floats) -> dict[str, float]:
        """Both bounds of log p(x) from samples of the posterior, and the KL term, in nats."""
        noise = np.random.default_rng([self._seed, SAMPLES]).standard_normal((SAMPLES, len(mean)))
        z = mean + np.exp(log_variance / 2) * noise
        repeated = np.broadcast_to(image, (SAMPLES, *image.shape))
        logits = self.network.forward({"image": repeated, "latent": z.astype(np.float32)})["generated"]
        logits = logits.reshape(SAMPLES, -1).astype(np.float64)
        log_likelihood = (image.reshape(-1) * logits - np.logaddexp(0, logits)).sum(axis=1)
        log_weights = log_likelihood + 0.5 * (noise**2 + log_variance - z**2).sum(axis=1)
        most = log_weights.max()
        kl = 0.5 * float((mean**2 + np.exp(log_variance) - log_variance - 1).sum())
        return {
            "importance_weighted_bound": float(most + math.log(np.exp(log_weights - most).mean())),
            "evidence_lower_bound": float(log_likelihood.mean()) - kl,
            "kl": kl,
        }

    def rows(self, dataset: Dataset) -> Arrays:
        """Images of a data set in black and white, each with a latent of its own."""
        images = channels_first(dataset["image"])
        latent = np.random.default_rng(0).standard_normal((len(dataset), self._latents), dtype=np.float32)
        return {"image": binarized(images), "latent": latent}

    def draw(self, answers: Sequence[Sampled | Rebuilt]) -> "Figure":
        """Samples on a sheet; pictures beside what the network saw of them and what it made of that."""
        drawn = [each.image[0] for each in answers if isinstance(each, Sampled)]
        if not drawn:
            return _side_by_side([each for each in answers if isinstance(each, Rebuilt)][:DRAWN])
        return contact_sheet(np.stack(drawn))

    def images(self, answers: Sequence[Sampled | Rebuilt]) -> Iterator[tuple[str, NDArray[np.uint8]]]:
        """Each sample by its seed and its number, each reconstruction by its picture's name."""
        for place, each in enumerate(answers):
            if isinstance(each, Sampled):
                name, made = f"seed{each.point.seed}-{each.point.number:04d}", each.image
            else:
                name, made = f"{place:04d}-{each.shown.path.stem}-rebuilt", each.reconstruction
            yield name, np.rint(255 * made[0]).astype(np.uint8)

    def card(self) -> dict[str, list[str]]:
        """What it does, how pictures are prepared, what it cannot do."""
        shape = " x ".join(map(str, self.spec.shape))
        return {
            "What it does": [
                f"Takes an image ({shape}) of black and white pixels and a point of its latent space ({self._latents} "
                "numbers). Gives the logits of the image's reconstruction, the mean and the logarithm of the variance "
                "of the image's posterior, and the logits of the image at the point. For new images, draw the point "
                "from the standard normal distribution and ignore the image."
            ],
            "How pictures are prepared": [
                f"{shape}, grey values in [0, 1], each pixel then 1 with its grey value as probability. Likelihoods of "
                "images rounded at 1/2 are other numbers."
            ],
            "Limits": [
                "Samples look like its training data, blurred where it is unsure, and some like nothing. A bound of "
                "the likelihood compares images of this kind of this size; a high one does not say that an image is "
                "of the training data's kind: empty images have the highest."
            ],
        }


def _sigmoid(logits: Floats) -> Floats:
    probabilities: Floats = np.exp(-np.logaddexp(0, -logits)).astype(np.float32)
    return probabilities


def _side_by_side(answers: Sequence[Rebuilt]) -> "Figure":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 2.5 * len(answers) + 0.2), layout="constrained", facecolor="white")
    axes = figure.subplots(len(answers), 3, squeeze=False)
    for (left, middle, right), answer in zip(axes, answers, strict=True):
        if answer.shown.picture is not None:
            left.imshow(np.clip(answer.shown.picture, 0, 1))
        left.set_title(shortened(answer.shown.path.name), fontsize=8, parse_math=False)
        middle.imshow(answer.image[0], cmap="gray_r", vmin=0, vmax=1)
        middle.set_title("in black and white", fontsize=8)
        right.imshow(answer.reconstruction[0], cmap="gray_r", vmin=0, vmax=1)
        right.set_title(f"rebuilt: {answer.nats['importance_weighted_bound']:.1f} nats", fontsize=8)
        for axis in (left, middle, right):
            axis.set_xticks([])
            axis.set_yticks([])
    return figure
