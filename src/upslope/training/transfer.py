"""Transfer learning: where a network begins that learns to tell a person's own classes apart.

J. Yosinski, J. Clune, Y. Bengio, H. Lipson, "How transferable are features in deep neural networks?", 2014,
https://arxiv.org/abs/1411.1792. All weights but those of the layers that name the classes are taken over: from
published weights on this computer, from an earlier run, or from nowhere. Nothing is fetched.

    start = begin("resnet18", side=64)
    network = start.network(classes=3, seed=0)
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import safetensors.torch
import torch
from torch import Tensor

from upslope.cards import Found, ModelCard, discover
from upslope.models.build import Built, UnknownModel, drawn, find, freeze_all_but_last, size_of
from upslope.models.build import first_filters as first_filters
from upslope.models.pretrained import arguments, formats, path_of
from upslope.runs.checkpoint import unpack
from upslope.runs.errors import ConfigProblem, RunProblem
from upslope.runs.model_spec import read_spec
from upslope.runs.run_dir import find_run

SMALL = "resnet8"
# Photographs hold more than grey pictures of clothes: a stage more, and the first of it is spared, which costs most.
DEPTHS, WIDTHS = (0, 1, 1, 1), (32, 64, 128, 256)
IMAGENET = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])  # mean and deviation by channel, of published weights


@dataclass(frozen=True)
class Start:
    """What a network begins with."""

    said: str  # in words
    side: int  # pixels of the pictures that it looks at
    found: Found
    arguments: Mapping[str, Any]
    builder: str = ""
    tensors: Mapping[str, Tensor] = field(default_factory=dict)
    normalization: tuple[list[float], list[float]] | None = None  # mean and deviation by channel; None: of the new data

    def network(self, *, classes: int, seed: int, freeze: bool = False) -> Built:
        """The network for so many classes: the layers that name them are drawn, the others taken over.

        `freeze`: nothing but the last layer will learn.
        """
        try:
            network = drawn(self.found, {**self.arguments, "num_classes": classes}, seed=seed, builder=self.builder)
        except TypeError:
            raise ConfigProblem(
                f"start: {self.found.card.name} cannot be built for {classes} classes of pictures in colour"
            ) from None
        own = network.module.state_dict()
        taken = {name: fitting(tensor, own[name]) for name, tensor in self.tensors.items() if name in own}
        network.module.load_state_dict({name: x for name, x in taken.items() if x is not None}, strict=False)
        if freeze:
            freeze_all_but_last(network.module)
        begun = {name: parameter.detach().clone() for name, parameter in network.module.named_parameters()}
        return replace(network, start=begun)


def begin(start: str, *, side: int) -> Start:
    """From nothing (""), from the published weights of a model, or from a run. ConfigProblem where that cannot be."""
    if not start:
        found, size = find(SMALL)
        small = {**size_of(found, size).arguments, "in_channels": 3, "depths": DEPTHS, "widths": WIDTHS}
        return Start("nothing: a small residual network", side, found, small)
    try:
        found, size = find(start)
    except UnknownModel as unknown:
        try:
            folder = find_run(start)
        except RunProblem:
            raise ConfigProblem(f"start={start} is no run (upslope runs lists them), and {unknown}") from None
        return _of_run(folder)
    return _published(start, found, size)


def _published(name: str, found: Found, size: str) -> Start:
    one = size_of(found, size)
    if cast(ModelCard, found.card).domain != "vision" or not formats(found):
        raise ConfigProblem(f"start={name}: there are no published weights of {name} for pictures")
    kept = {publisher: path_of(name, publisher) for publisher in formats(found)}
    here = {publisher: path for publisher, path in kept.items() if path.is_file()}
    if not here:
        raise ConfigProblem(f"the published weights of {name} are not here: upslope model get {name} fetches them")
    publisher, path = next(iter(here.items()))
    return Start(
        said=f"the weights of {name} that {publisher} published",
        side=one.inputs[0].shape[-1],
        found=found,
        arguments={**one.arguments, **arguments(name, path)},
        builder=one.builder,
        tensors=safetensors.torch.load_file(path),
        normalization=IMAGENET,
    )


def _of_run(folder: Path) -> Start:
    name, spec = folder.name, read_spec(folder)
    if spec.task != "image-classification":
        raise ConfigProblem(f"start={name}: that run learned {spec.task}, and this lab needs image-classification")
    weights = folder / "model.safetensors"
    if not weights.is_file():
        raise ConfigProblem(f"start={name}: that run has lost its model.safetensors")
    found = discover("models").get(spec.model)
    if found is None:
        raise ConfigProblem(f'start={name}: its model is a "{spec.model}", and there is no such model here')
    grey = spec.shape[0] == 1
    mean, std = (list(spec.preprocessing[each]) * (3 if grey else 1) for each in ("mean", "std"))
    return Start(
        said=f"the weights of {folder.name}" + (", a network for grey pictures" if grey else ""),
        side=spec.shape[-1],
        found=found,
        arguments={**spec.arguments, **({"in_channels": 3} if grey else {})},
        builder=spec.builder,
        tensors={name: torch.from_numpy(x) for name, x in unpack(weights.read_bytes()).items()},
        normalization=(mean, std),
    )


def fitting(tensor: Tensor, place: Tensor) -> Tensor | None:
    """A tensor in the shape of its place; None where it has another, as in the layer that names the classes.

    Filters (D, 1, H, W) for grey pictures see a third of each colour: on a grey picture they say what they said.
    """
    if tensor.shape == place.shape:
        return tensor
    if tensor.ndim == 4 and tensor.shape[1] == 1 and place.shape == (len(tensor), 3, *tensor.shape[2:]):
        return tensor.expand(-1, 3, -1, -1) / 3
    return None
