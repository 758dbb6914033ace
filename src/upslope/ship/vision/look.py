"""Looking into an image classifier: what it computes on one picture, layer by layer, and why it answers as it does.

What it shows was asked for by users of CNN Explainer (Z. J. Wang et al. 2020, https://arxiv.org/abs/2004.15004): their
own network, their own picture, and the numbers of a convolution.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from upslope.cards import discover
from upslope.explain.activation_maximization import class_logits, exciting_pictures
from upslope.explain.grad_cam import last_maps
from upslope.explain.trace import recorded
from upslope.image.read import SUFFIXES
from upslope.runs.errors import RunProblem
from upslope.runs.model_spec import has_spec, read_spec
from upslope.runs.run_dir import find_run
from upslope.runs.workspace import short
from upslope.ship import formats, predictor
from upslope.ship.classified import Classified
from upslope.ship.pictures import Shown
from upslope.ship.pipelines.image_classification import ImageClassification
from upslope.ship.pipelines.pipeline import Options, Pipeline, UnreadableInput
from upslope.ship.vision.explanations import LARGE, Explanation, explain
from upslope.ship.vision.layers import Layer, layers, rows_of
from upslope.ship.vision.nearest import Nearest, nearest
from upslope.ship.vision.stepping import convolution, pooling

TEXT = "text-generation"
EXPLAINED = 3  # classes, the most probable ones


@dataclass(frozen=True)
class Looked:
    """Everything that the page shows of one network on one picture."""

    model: str
    about: str  # "LeNet-5, trained on MNIST"
    warning: str
    answer: Classified
    ink: bool  # whether 1 is drawn black, as on paper
    layers: list[Layer]
    of: int  # layers that there are
    explained: tuple[str, ...]  # the classes that are explained
    explanations: list[Explanation]
    convolution: dict[str, Any] | None
    pooling: dict[str, Any] | None
    nearest: Nearest
    exciting: NDArray[np.float32]  # pictures (K, C, H, W), one for each explained class; none of large networks

    @property
    def shown(self) -> Shown:
        """The picture as it was found, and as the network is shown it."""
        return cast(Shown, self.answer.item)


def is_run(word: str) -> bool:
    """Whether a word is a run, a lab with one, or an exported file, and none that continues text."""
    path = Path(word).expanduser()
    if path.is_file():
        return path.suffix.removeprefix(".") in formats.FORMATS
    try:
        folder = predictor.run_folder(word) if word in discover("labs") else find_run(word)
    except RunProblem:
        return False
    return not has_spec(folder) or read_spec(folder).task != TEXT


def look(word: str, picture: str, *, layer: int | None = None) -> Looked:
    """A run, a lab's newest run or an exported file, on one picture. RunProblem says what is not there or does not fit.

    `layer` is the convolution that is stepped through, from 1 on; without it the first.
    """
    pipeline = _classifier(predictor.load(word), picture)
    model = cast(nn.Module, pipeline.network.module)
    model.requires_grad_(False)
    answer = _answer(pipeline, picture)
    seen = cast(Shown, answer.item).seen
    x = torch.from_numpy(seen[None])
    target, grid = last_maps(model, x)
    calls = recorded(model, x)
    rows = rows_of(calls, grid=grid)
    stepped = convolution(
        rows, layer, pipeline.network.name
    )  # which refuses a layer that is not there, before the rest
    names = answer.classes[:EXPLAINED]
    classes = [pipeline.spec.classes.index(name) for name in names]
    return Looked(
        model=pipeline.network.name,
        about=f"{_title(pipeline)}, trained on {pipeline.network.learned_from}",
        warning=pipeline.network.warning,
        answer=answer,
        ink=pipeline.look in ("handwriting", "product") and seen.shape[0] == 1,
        layers=layers(rows, grid=grid),
        of=len(rows),
        explained=names,
        explanations=explain(
            model,
            x,
            classes,
            names,
            layer=target,
            grid=grid,
            fill=pipeline.spec.preprocessing["mean"],
        ),
        convolution=stepped,
        pooling=pooling(rows, calls),
        nearest=nearest(pipeline, model, seen),
        exciting=_exciting(model, classes, seen.shape),
    )


def _exciting(model: nn.Module, classes: list[int], shape: tuple[int, ...]) -> NDArray[np.float32]:
    if shape[-1] * shape[-2] > LARGE:
        return np.empty((0, *shape), dtype=np.float32)
    channels, height, width = shape
    activation, generator = class_logits(model, torch.tensor(classes)), torch.Generator().manual_seed(0)
    return exciting_pictures(activation, (len(classes), channels, height, width), generator=generator).numpy()


def _classifier(pipeline: Pipeline, picture: str) -> ImageClassification:
    network = pipeline.network
    if pipeline.tag == TEXT:
        raise RunProblem(f'{network.name} reads text: upslope look {network.name} "The cat sat on the mat."')
    if not isinstance(pipeline, ImageClassification):
        raise RunProblem(
            f"{network.name} was trained for {pipeline.tag}, and upslope look shows image classifiers and language "
            f"models: upslope look mnist {picture}"
        )
    if network.module is None or not hasattr(network.module, "unwrapped"):
        raise RunProblem(f"{network.name} is a graph without its modules: look at the run that it was exported from")
    return pipeline


def _answer(pipeline: ImageClassification, picture: str) -> Classified:
    path = Path(picture).expanduser()
    if path.is_dir():
        raise RunProblem(f"{short(path)} is a folder, and here it takes one picture of it")
    if not path.exists():
        ends = "" if path.suffix.lower() in SUFFIXES else f" ({pipeline.network.name} looks at pictures)"
        raise RunProblem(f"there is no picture {picture}{ends}")
    found = next(iter(pipeline.answers([str(path)], Options())))
    if isinstance(found, UnreadableInput):
        raise RunProblem(found.reason)
    return cast(Classified, found)


def _title(pipeline: ImageClassification) -> str:
    found = discover("models").get(pipeline.spec.model)
    return found.card.title if found is not None else pipeline.spec.model


def numbers(looked: Looked) -> dict[str, Any]:
    """For a program: classes, layers, and what the explanations measure."""
    answer, near = looked.answer, looked.nearest
    return {
        "model": looked.model,
        "picture": str(answer.path),
        "probabilities": {name: round(p, 6) for name, p in zip(answer.classes, answer.probabilities, strict=True)},
        "doubt": answer.doubt or None,
        "layers": [
            {"number": each.number, "title": each.title, "module": each.module, "shape": list(each.shape)}
            for each in looked.layers
        ],
        "explanations": [
            {
                "method": each.name,
                "classes": [
                    {"class": name if len(each.maps) > 1 else None, **numbers}
                    for name, numbers in zip(looked.explained, each.numbers, strict=False)
                ],
            }
            for each in looked.explanations
        ],
        "convolution": _named(looked.convolution),
        "pooling": _named(looked.pooling),
        "nearest": [
            {"class": label, "similarity": round(similarity, 6)}
            for label, similarity in zip(near.labels, near.similarity, strict=True)
        ],
    }


def _named(stepped: dict[str, Any] | None) -> dict[str, Any] | None:
    names = ("title", "module", "kernel", "stride", "padding", "given", "output")
    return {name: stepped[name] for name in names if name in stepped} if stepped else None


def first_picture(seen: NDArray[np.float32]) -> NDArray[np.float32]:
    """A picture (C, H, W) in as many channels as can be drawn."""
    return seen if seen.shape[0] in (1, 3) else seen[:1]
