"""The pipeline of a task: how its inputs are read and preprocessed, and what its predictions look like.

A pipeline is found by its task's tag: `image-classification` lies in `image_classification.py` and is the one subclass
of `Pipeline` in that file. Nothing here imports PyTorch, so that an ONNX file is used without it.
"""

import importlib
import math
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from upslope.cards import DataCard, discover
from upslope.data.loading.dataset import Dataset
from upslope.data.loading.fetch import have
from upslope.features import ClassLabel
from upslope.features import Sequence as Several
from upslope.runs.errors import RunProblem
from upslope.runs.model_spec import ModelSpec

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import nn

_COUNTED = ("top", "count", "length", "steps")  # options of which there is at least one
Arrays = dict[str, NDArray[Any]]  # by the names of the spec; the first dimension counts the samples


@dataclass(frozen=True)
class LoadedModel:
    """A trained model, wherever it lies: arrays in, arrays out."""

    name: str  # as people call it: mnist-0001, mnist-0001.onnx
    spec: ModelSpec
    forward: Callable[[Arrays], Arrays]
    module: Any = None  # the PyTorch module behind it, where there is one: for caches, and for what takes many steps

    @property
    def learned_from(self) -> str:
        """The data set by its title, the person's folder, the environment, or what else it was trained on."""
        card = data_card(self.spec)
        known = self.spec.preprocessing
        return card.title if card is not None else str(known.get("folder", known.get("environment", "generated data")))

    @property
    def warning(self) -> str:
        """One sentence where the model has never seen real data, or ""."""
        if not self.spec.data or data_card(self.spec) is not None or "folder" in self.spec.preprocessing:
            return ""
        return f"{self.name} learned from generated data only: do not trust it on real data"


@dataclass(frozen=True)
class Options:
    """What a person may ask of an answer. A pipeline names those that it knows, and refuses the others."""

    top: int = 3
    count: int = 1
    first: int = 0  # the number of the first sample
    seed: int = 0
    length: int = 200
    temperature: float = 1.0
    steps: int | None = None  # of a sampler; None: as in training
    guidance: float | None = None  # w of (1 + w) * asked - w * anything; 0: none; None: as in training

    @property
    def numbers(self) -> range:
        """The numbers of the samples."""
        return range(self.first, self.first + self.count)

    @classmethod
    def chosen(cls, pipeline: "Pipeline", given: Mapping[str, int | float]) -> "Options":
        """The options that a person gave, by name; RunProblem says which of them the pipeline does not take, or why."""
        for name, value in given.items():
            pipeline.takes(name)
            least = 1 if name in _COUNTED else 0
            if not value >= least:  # also nan
                raise RunProblem(f"--{name} is at least {least}, not {value}")
            if math.isinf(value):
                raise RunProblem(f"--{name} is a number of ordinary size, not {value}")
        if reason := pipeline.refuses(options := cls(**cast(dict[str, Any], dict(given)))):
            raise RunProblem(reason)
        return options


@dataclass(frozen=True)
class Prediction(ABC):
    """What a model says about one input."""

    subject: str  # the input as a person calls it: a path, the first words of a text, ""
    doubt: str = field(default="", kw_only=True)  # one sentence on why not to rely on this answer, or ""
    notes: tuple[str, ...] = field(default=(), kw_only=True)  # sentences on what of the input was not looked at

    def rows(self, options: Options) -> list[tuple[str, str, float | None]]:
        """Lines of a table: a name, a value in words, and a share in [0, 1] where a bar is drawn."""
        return []

    def text(self, options: Options) -> str:
        """What is printed as it is, a generated text say; or ""."""
        return ""

    @abstractmethod
    def facts(self, options: Options) -> dict[str, Any]:
        """The answer in JSON's words."""


@dataclass(frozen=True)
class UnreadableInput:
    """An input that could not be read, and why."""

    subject: str
    reason: str


@dataclass(frozen=True)
class Remark:
    """Something to say about the inputs that is neither an answer nor a failure: what was left out of a folder."""

    subject: str
    sentence: str


class Pipeline(ABC):
    """A task in use, for one network."""

    tag: ClassVar[str]
    noun: ClassVar[str]  # what it takes, one of them: "picture"
    needs_input: ClassVar[bool] = True  # whether a person must name one
    example: ClassVar[str] = ""  # what a person would type after the run; a spec may know a better one
    options: ClassVar[frozenset[str]] = frozenset()  # of Options, those that mean something here; "out" for `images`
    shows: ClassVar[str] = ".png"  # how a file that it draws ends; a GIF says "upslope predict" in its comment
    together: ClassVar[int] = 64  # inputs in memory at once

    def __init__(self, network: LoadedModel) -> None:
        self.network, self.spec = network, network.spec

    @classmethod
    def wrap(cls, model: "nn.Module", spec: ModelSpec) -> "nn.Module":
        """The module that is used and exported: a model with what belongs before and after it."""
        return model

    @classmethod
    def example_for(cls, spec: ModelSpec) -> str:
        """What a person would type after the run that this spec describes."""
        return str(spec.preprocessing.get("example", cls.example))

    def takes(self, option: str) -> None:
        """RunProblem, and what to ask for instead, where this option means nothing here."""
        if option not in self.options:
            known = ", ".join(f"--{other}" for other in sorted(self.options)) or "none"
            raise RunProblem(f"--{option} does not apply to {self.tag} (options: {known})")

    def refuses(self, options: Options) -> str:
        """One sentence where known options make no sense for this network, more steps than it was trained with say."""
        return ""

    @abstractmethod
    def read(self, words: Sequence[str], options: Options) -> Iterator[Any]:
        """The inputs that these words name, in order; an `UnreadableInput` where there is none, and remarks."""

    @abstractmethod
    def preprocess(self, items: Sequence[Any]) -> Arrays:
        """Inputs as the network takes them, as in training."""

    @abstractmethod
    def postprocess(self, outputs: Arrays, items: Sequence[Any]) -> list[Prediction]:
        """An answer for each input."""

    @abstractmethod
    def rows(self, dataset: Dataset) -> Arrays:
        """The samples of a data set as the network takes them: an export is compared on these."""

    @abstractmethod
    def draw(self, answers: Sequence[Any]) -> "Figure | bytes":
        """A picture of answers, beside what was asked; bytes where it is no figure."""

    @abstractmethod
    def card(self) -> dict[str, list[str]]:
        """What the model card says, by heading: "What it does", "How ... are prepared", "Limits"."""

    def images(self, answers: Sequence[Any]) -> Iterator[tuple[str, NDArray[np.uint8]]]:
        """Each image that was made, (H, W) or (H, W, 3), and a name for it. A pipeline that has some takes --out."""
        return iter(())

    def score(self, outputs: Arrays, dataset: Dataset) -> tuple[str, float]:
        """How good outputs for the samples of a data set are, from 0 to 1, and the name of what was measured."""
        raise RunProblem(f"{self.network.name} was trained for {self.tag}, of which no score is measured here")

    def answers(
        self, words: Sequence[str], options: Options | None = None
    ) -> Iterator[Prediction | UnreadableInput | Remark]:
        """An answer or a reason for each input, in order, and remarks among them."""
        waiting: list[Any] = []
        for item in self.read(words, options or Options()):
            if isinstance(item, UnreadableInput | Remark):
                yield from self._answered(waiting)
                waiting = []
                yield item
                continue
            waiting.append(item)
            if len(waiting) == self.together:
                yield from self._answered(waiting)
                waiting = []
        yield from self._answered(waiting)

    def _answered(self, items: list[Any]) -> Iterator[Prediction]:
        if items:
            yield from self.postprocess(self.finite(self.network.forward(self.preprocess(items))), items)

    def finite(self, outputs: Arrays) -> Arrays:
        """The outputs; RunProblem where they hold what is no number."""
        if not all(np.isfinite(array).all() for array in outputs.values()):
            raise RunProblem(
                f"{self.network.name} gives outputs that are not numbers: its training diverged, train it again"
            )
        return outputs

    def samples(self, count: int) -> tuple[Arrays, str]:
        """Inputs to compare an export on, and what they are: test samples where they are here, else generated ones."""
        card = data_card(self.spec) or generated_like(self.spec)
        if card is None:
            return random_inputs(self.spec, count), "random inputs"
        module = discover("data")[card.name].load()
        if card.name == self.spec.data and (not card.files or have(card)):
            return self.rows(module.load("test").take(slice(count))), f"test {self.noun}s of {card.name}"
        made = module.toy(rng=np.random.default_rng(0), count=count)
        return self.rows(made), f"generated {self.noun}s like those of {card.name}"


def pipeline_of(task: str) -> type[Pipeline]:
    """The pipeline of a task's tag; RunProblem where there is none."""
    name = task.replace("-", "_")
    folder = Path(__file__).parent
    known = sorted(each.name for each in pkgutil.iter_modules([str(folder)]) if each.name != "pipeline")
    if name not in known:
        tags = ", ".join(each.replace("_", "-") for each in known)
        raise RunProblem(f'there is no pipeline for the task "{task}" (tasks: {tags})')
    module = importlib.import_module(f"upslope.ship.pipelines.{name}")
    own = (each for each in vars(module).values() if isinstance(each, type) and each.__module__ == module.__name__)
    return next(each for each in own if issubclass(each, Pipeline))


def data_card(spec: ModelSpec) -> DataCard | None:
    """The data set that a model learned from; None for generated data."""
    found = discover("data").get(spec.data)
    return found.card if found is not None and isinstance(found.card, DataCard) else None


def generated_like(spec: ModelSpec) -> DataCard | None:
    """Of a model that learned from generated data: the set with the same classes, whose toy that was."""
    cards = [found.card for found in discover("data").values() if isinstance(found.card, DataCard)]
    for card in cards:
        if spec.classes and _classes(card) == spec.classes and _fits(card, spec):
            return card
    return None


def _classes(card: DataCard) -> tuple[str, ...]:
    """The classes of a data set's samples, or of the things in them."""
    each = (feature.of if isinstance(feature, Several) else feature for feature in card.features.values())
    return next((feature.names for feature in each if isinstance(feature, ClassLabel)), ())


def _fits(card: DataCard, spec: ModelSpec) -> bool:
    shapes = [tuple(getattr(each, "shape", ())) for each in card.features.values()]
    return any(shape == spec.shape[-len(shape) :] for shape in shapes if shape) or not any(shapes)


def random_inputs(spec: ModelSpec, count: int, *, seed: int = 0) -> Arrays:
    """Random numbers of the shapes that a spec states: in [0, 1], or integers below its `high`."""
    rng = np.random.default_rng(seed)
    return {name: _random(each, count, rng) for name, each in spec.inputs.items()}


def _random(one: Mapping[str, Any], count: int, rng: np.random.Generator) -> NDArray[Any]:
    shape = (count, *one["shape"])
    dtype = np.dtype(one.get("dtype", "float32"))
    return rng.integers(one["high"], size=shape, dtype=dtype) if dtype.kind == "i" else rng.random(shape).astype(dtype)
