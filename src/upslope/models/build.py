"""Models by name: finding a size among the cards, and building it."""

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from upslope.cards import Found, ModelCard, Size, discover
from upslope.spelling import did_you_mean


class UnknownModel(LookupError):
    """A name that no card has."""


def find(name: str) -> tuple[Found, str]:
    """The card that has a size of this name, and the size's key: "resnet50" or "resnet-toy"."""
    cards = discover("models")
    names: list[str] = []
    for family, found in cards.items():
        card = cast(ModelCard, found.card)
        for size in card.sizes:
            if full_name(family, size) == name:
                return found, size
            names.append(full_name(family, size))
    if name in cards:
        sizes = ", ".join(full for full in cast(ModelCard, cards[name].card).sizes if not full.startswith("toy"))
        raise UnknownModel(f"{name} is a family; its sizes are {sizes} and {name}-toy")
    raise UnknownModel(f'there is no model "{name}"{did_you_mean(name, [*names, *cards])}')


def full_name(family: str, size: str) -> str:
    """The name by which a size is asked for: toys are called the same in every family, so it goes before theirs."""
    return f"{family}-{size}" if size.startswith("toy") else size


def size_of(found: Found, size: str) -> Size:
    """One size of a card."""
    return cast(ModelCard, found.card).sizes[size]


def build(name: str, **overrides: object) -> nn.Module:
    """The model of this name with fresh weights; `overrides` replace arguments of its size, `num_classes=10` say."""
    found, size = find(name)
    return construct_size(found, size, **overrides)


@dataclass(frozen=True)
class Built:
    """A model with fresh weights, and what is needed to build it again."""

    module: nn.Module
    model: str  # the name of the card: "resnet"
    arguments: dict[str, Any]
    start: dict[str, Tensor]  # the first weights, of every parameter
    builder: str = ""  # the class, where it is not the card's


def built(name: str, *, seed: int, **overrides: object) -> Built:
    """As `build`, with the weights that `seed` draws; PyTorch's own generator goes on as if nothing had been drawn."""
    found, size = find(name)
    return drawn(
        found, {**size_of(found, size).arguments, **overrides}, seed=seed, builder=size_of(found, size).builder
    )


def drawn(found: Found, arguments: dict[str, Any], *, seed: int, builder: str = "") -> Built:
    """The model of a card with any arguments, with the weights that `seed` draws."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(np.random.SeedSequence((seed,)).generate_state(1, np.uint64)[0]))
        module = construct(found, arguments, builder=builder)
    start = {name: parameter.detach().clone() for name, parameter in module.named_parameters()}
    return Built(module, found.card.name, arguments, start, builder)


def construct_size(found: Found, size: str, **overrides: object) -> nn.Module:
    """One size of a card, built by its own builder; `overrides` replace some of its arguments."""
    one = size_of(found, size)
    return construct(found, {**one.arguments, **overrides}, builder=one.builder)


def construct(found: Found, arguments: dict[str, object], *, builder: str = "") -> nn.Module:
    """The class that a card names as its builder, or another of the same file, called with these arguments."""
    name = builder or cast(ModelCard, found.card).builder
    return cast(nn.Module, getattr(found.load(), name)(**arguments))


def first_filters(model: nn.Module) -> str:
    """The name of the convolution's weights that look at the pixels."""
    return next(name for name, parameter in model.named_parameters() if parameter.ndim == 4)


def freeze_all_but_last(model: nn.Module) -> None:
    """Leave everything but the last layer with weights as it was drawn: an ablation of learned features."""
    layers = [layer for layer in model.modules() if isinstance(layer, nn.Linear | nn.Conv2d)]
    model.requires_grad_(False)
    layers[-1].requires_grad_(True)
