"""What a contract is given: a model's card, and the networks it describes, built and fed in the same way every time."""

import functools
import re
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from upslope.cards import Found, Input, ModelCard, Size
from upslope.models.build import construct, construct_size

Outputs = tuple[Tensor, ...]  # the leaves of what a network returned


class Broken(AssertionError):
    """A contract that a model does not keep: one sentence with the values."""


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """PyTorch's own generator begins at `seed`, and goes on afterwards where the caller left it."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


@dataclass(frozen=True, eq=False)
class Subject:
    """A network under contract: a toy of a card. A card of several networks is several subjects."""

    found: Found
    size: str = "toy"

    @property
    def card(self) -> ModelCard:
        """The model's card."""
        return cast(ModelCard, self.found.card)

    @property
    def toy(self) -> Size:
        """The size that contracts are checked on."""
        if self.size not in self.card.sizes:
            raise Broken(f'the card has the sizes {", ".join(self.card.sizes)}, and none is called "{self.size}"')
        return self.card.sizes[self.size]

    @property
    def sizes(self) -> dict[str, Size]:
        """The sizes that this toy stands for: those of its builder."""

        def builder(size: Size) -> str:
            return size.builder or self.card.builder

        return {name: size for name, size in self.card.sizes.items() if builder(size) == builder(self.toy)}

    def leaf(self, number: int) -> str:
        """One of the outputs, for a sentence: "the output", or "the output logvar"."""
        names = list(self.toy.leaves)
        return f"the output {names[number]}".rstrip() if number < len(names) else f"output {number + 1}"

    def steady(self, model: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[bool, ...]:
        """Which outputs no chance enters, in the mode the network is in; all, unless the card speaks of chance."""
        first = run(model, inputs)
        if not self.card.random_in_evaluation:
            return (True,) * len(first)
        return tuple(one.equal(two) for one, two in zip(first, run(model, inputs, seed=1), strict=True))

    def build(self, *, seed: int = 0) -> nn.Module:
        """The toy with the weights that this seed draws, in training mode, as a fresh network is."""
        with seeded(seed):
            return construct(self.found, self.toy.arguments, builder=self.toy.builder)

    def used(self, *, seed: int = 0) -> nn.Module:
        """The toy as after some training, in evaluation: weights are nudged, and batch statistics have moved.

        In a fresh one much hides behind gates and heads that begin at 0, and behind a mean of 0 and a variance of 1.
        """
        model = self.build(seed=seed)
        with seeded(seed), torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn_like(parameter) * 0.05)
        for draw in range(2):
            run(model, self.inputs(8, seed=100 + draw), seed=draw)
        return model.eval()

    def build_without_memory(self, size: str) -> nn.Module:
        """A network of any size on the meta device, where tensors have only shapes: the same one each time."""
        return _on_meta(self, size)

    def inputs(self, batch: int, *, seed: int = 0) -> tuple[Tensor, ...]:
        """Random inputs for the toy: normal numbers, numbers below the card's `high`, or integers below it."""
        generator = torch.Generator().manual_seed(seed)
        return tuple(_draw(each, batch, generator) for each in self.toy.inputs)


@functools.lru_cache(maxsize=16)
def _on_meta(subject: Subject, size: str) -> nn.Module:
    with torch.device("meta"):
        return construct_size(subject.found, size)


def subjects(found: Found) -> tuple[Subject, ...]:
    """One for each toy of a card: the sizes whose names begin with "toy"; one if there is none, which is refused."""
    names = [name for name in cast(ModelCard, found.card).sizes if name.startswith("toy")]
    return tuple(Subject(found, name) for name in names or ["toy"])


def run(model: nn.Module, inputs: tuple[Tensor, ...], *, seed: int = 0) -> Outputs:
    """The model's outputs without gradients, its randomness drawn from `seed`; copies that nobody else holds."""
    with seeded(seed), torch.no_grad():
        return tuple(leaf.clone() for leaf in leaves(model(*inputs)))


def leaves(output: object) -> Outputs:
    """The tensors in what a network returned, in the order of PyTorch's pytree; None, for what is absent, is left out.

    Raises:
        Broken: something in it is no tensor.
    """
    found = [leaf for leaf in tree_leaves(output) if leaf is not None]
    for leaf in found:
        if not isinstance(leaf, Tensor):
            raise Broken(
                f"forward returns a {type(leaf).__name__}, and only tensors and trees of them can leave a network"
            )
    if not found:
        raise Broken("forward returns no tensor")
    return tuple(found)


def equal(one: Outputs, two: Outputs) -> bool:
    """Whether all outputs are the same, to the bit."""
    return len(one) == len(two) and all(map(torch.equal, one, two))


def changed(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """The names under which two state dicts differ."""

    def same(a: object, b: object) -> bool:
        return torch.equal(a, b) if isinstance(a, Tensor) and isinstance(b, Tensor) else a == b

    return [name for name in {**before, **after} if not same(before.get(name), after.get(name))]


def difference(got: Outputs, expected: Outputs) -> float:
    """The largest difference in any output, as `apart` measures it."""
    if len(got) != len(expected):
        raise Broken(f"a model gives {len(expected)} outputs, and then {len(got)}")
    return max(map(apart, got, expected))


def apart(got: Tensor, expected: Tensor) -> float:
    """The largest difference, measured by the largest expected number where that is above 1; infinite for nan."""
    if got.shape != expected.shape:
        raise Broken(f"outputs of one model have the shapes {tuple(got.shape)} and {tuple(expected.shape)}")
    if not (torch.isfinite(got).all() and torch.isfinite(expected).all()):
        return float("inf")
    scale = max(1.0, expected.double().abs().max().item()) if expected.numel() else 1.0
    return (got.double() - expected.double()).abs().max().item() / scale if got.numel() else 0.0


def in_one_line(error: Exception) -> str:
    """What went wrong, for a sentence: the error that was at the bottom of it, shortened."""
    while error.__cause__ is not None and isinstance(error.__cause__, Exception):
        error = error.__cause__
    plain = re.sub(r"\x1b\[[0-9;]*m", "", str(error))  # colours
    return textwrap.shorten(f"{type(error).__name__}: {plain}", 300, placeholder=" ...")


def _draw(one: Input, batch: int, generator: torch.Generator) -> Tensor:
    shape = (batch, *one.shape)
    dtype = cast(torch.dtype, getattr(torch, one.dtype))
    if dtype.is_floating_point and one.high:
        return torch.rand(shape, generator=generator, dtype=dtype) * one.high
    if dtype.is_floating_point:
        return torch.randn(shape, generator=generator, dtype=dtype)
    return torch.randint(one.high, shape, generator=generator, dtype=dtype)
