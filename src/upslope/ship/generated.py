"""Images out of random numbers: what every pipeline that makes them shares.

A sample is a function of the seed, its number and the prompt: number 17 is one alone and among 64. A subclass says
which options it takes and makes the samples of one request:

    class Diffusion(ImageGenerator):
        options = ImageGenerator.options | {"steps", "guidance"}

        def generate(self, request):
            asked = request.options
            return draw(request.label, asked.numbers, seed=asked.seed, steps=asked.steps, guidance=asked.guidance)

What nobody asked for is None there, and as in training. `guidance` is w of classifier-free guidance as Ho and Salimans
2022, equation 6, count it: (1 + w) * asked - w * anything. 0 is the prediction for the class alone, above 0 the class
is amplified; others count a scale of 1 + w.
"""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from upslope.ship.pipelines.pipeline import Arrays, Options, Pipeline, Prediction, Remark, UnreadableInput
from upslope.ship.prompts import UnclearPrompt, class_of, shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = 10  # at most, of a sheet
DRAWN = 400  # images of a sheet: a taller one may not be a PNG
ALIKE = 0.02  # of a pixel's standard deviation over the samples, on average

Images = NDArray[np.float32]  # (count, H, W), grey, or (count, H, W, 3), in [0, 1]


@dataclass(frozen=True)
class SampleRequest:
    """Which samples are wanted: how many of which seed, from which number on, and of which class."""

    options: Options
    prompt: str = ""
    label: int | None = None  # the class that the prompt names; None: no prompt

    @property
    def subject(self) -> str:
        """The request as a person calls it."""
        count = self.options.count
        asked = f' of "{shown(self.prompt)}"' if self.prompt else ""
        first = f" from number {self.options.first}" if self.options.first else ""
        return f"{count} sample{'s' * (count > 1)}{asked} of seed {self.options.seed}{first}"


@dataclass(frozen=True)
class Generated(Prediction):
    """The samples that were asked for."""

    request: SampleRequest
    images: Images = field(repr=False)

    @property
    def spread(self) -> float:
        """A pixel's standard deviation over the samples, averaged over the pixels; of one sample 0."""
        return float(self.images.std(axis=0).mean())

    def rows(self, options: Options) -> list[tuple[str, str, float | None]]:
        """How large, and how different from each other."""
        height, width = self.images.shape[1:3]
        return [("pixels", f"{height} x {width}", None), ("spread over samples", f"{self.spread:.3f}", None)]

    def facts(self, options: Options) -> dict[str, Any]:
        """The seed, the prompt, and of each sample its number and its brightness."""
        each = [
            {"number": number, "mean_pixel": float(image.mean())}
            for number, image in zip(self.request.options.numbers, self.images, strict=True)
        ]
        prompt = {"prompt": self.request.prompt, "class": self.request.label} if self.request.prompt else {}
        return {
            "seed": self.request.options.seed,
            **prompt,
            "count": len(self.images),
            "shape": list(self.images.shape[1:]),
            "spread": self.spread,
            "samples": each,
            "doubt": self.doubt or None,
        }


class ImageGenerator(Pipeline):
    """Nothing in, or the names of classes; images out."""

    noun: ClassVar[str] = "prompt"
    needs_input: ClassVar[bool] = False
    example: ClassVar[str] = "--count 16 --seed 3 --show sheet.png"
    options: ClassVar[frozenset[str]] = frozenset({"count", "first", "seed", "out"})

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of what can be asked for; none where a network makes what comes."""
        return tuple(self.spec.preprocessing.get("classes", self.spec.classes))

    @abstractmethod
    def generate(self, request: SampleRequest) -> Images:
        """The samples with the numbers of the request, in their order, each as if it were drawn alone."""

    def read(self, words: Sequence[str], options: Options) -> Iterator[SampleRequest | UnreadableInput | Remark]:
        """What the options ask for, once for each prompt; without a prompt whatever comes."""
        if not words:
            yield SampleRequest(options)
        for word in words:
            if not self.classes:
                yield UnreadableInput(
                    word, f"{self.network.name} makes images out of random numbers: it does not read {shown(word)}"
                )
                continue
            try:
                yield SampleRequest(options, word, class_of(word, self.classes))
            except UnclearPrompt as problem:
                yield UnreadableInput(word, str(problem))

    def answers(
        self, words: Sequence[str], options: Options | None = None
    ) -> Iterator[Prediction | UnreadableInput | Remark]:
        """The samples of each prompt, or why it is not understood."""
        for item in self.read(words, options or Options()):
            yield self.answer(item) if isinstance(item, SampleRequest) else item

    def postprocess(self, outputs: Arrays, items: Sequence[Any]) -> list[Prediction]:
        """Samples may take many passes through the network, so nothing is answered from the outputs of one."""
        raise TypeError(f"{type(self).__name__} answers by generate(), not from the outputs of one pass")

    def answer(self, request: SampleRequest) -> Generated:
        """The samples of one request; in doubt where they are all one image."""
        images = self.finite({"image": self.generate(request)})["image"]
        made = Generated(request.subject, request, images)
        if len(images) <= 1 or made.spread >= ALIKE:
            return made
        doubt = "the samples look all alike: the generator has collapsed to one image"
        return Generated(made.subject, request, images, doubt=doubt)

    def images(self, answers: Sequence[Generated]) -> Iterator[tuple[str, NDArray[np.uint8]]]:
        """Each sample, by its prompt, its seed and its number."""
        for answer in answers:
            request = answer.request
            asked = f"{self.classes[request.label]}-" if request.label is not None else ""
            asked = "".join(letter if letter.isalnum() or letter == "-" else "_" for letter in asked)
            for number, image in zip(request.options.numbers, answer.images, strict=True):
                yield f"{asked}seed{request.options.seed}-{number:04d}", np.rint(255 * image).astype(np.uint8)

    def draw(self, answers: Sequence[Generated]) -> "Figure":
        """All samples on one sheet, in the order of their numbers."""
        return contact_sheet(np.concatenate([answer.images for answer in answers]))


def contact_sheet(images: Images, *, most: int = DRAWN) -> "Figure":
    """Images side by side, in rows of at most ten."""
    from upslope.runs.figures import sheet

    images = images[:most]
    columns = min(COLUMNS, int(np.ceil(len(images) ** 0.5)))
    rows = -(-len(images) // columns)
    empty = np.zeros((rows * columns - len(images), *images.shape[1:]), dtype=images.dtype)
    return sheet(np.concatenate([images, empty]).reshape(rows, columns, *images.shape[1:]))
