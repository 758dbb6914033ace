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

from upslope.cards import Found, Input, ModelCard, Size
from upslope.models.build import construct


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
    """A model under contract."""

    found: Found

    @property
    def card(self) -> ModelCard:
        """The model's card."""
        return cast(ModelCard, self.found.card)

    @property
    def toy(self) -> Size:
        """The size that contracts are checked on."""
        if "toy" not in self.card.sizes:
            raise Broken(f'the card has the sizes {", ".join(self.card.sizes)}, and none is called "toy"')
        return self.card.sizes["toy"]

    def build(self, *, seed: int = 0) -> nn.Module:
        """The toy with the weights that this seed draws, in training mode, as a fresh network is."""
        with seeded(seed):
            return construct(self.found, self.toy.arguments)

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
        """Random inputs for the toy: normal numbers, or integers below the card's `high`."""
        generator = torch.Generator().manual_seed(seed)
        return tuple(_draw(each, batch, generator) for each in self.toy.inputs)


@functools.lru_cache(maxsize=16)
def _on_meta(subject: Subject, size: str) -> nn.Module:
    with torch.device("meta"):
        return construct(subject.found, subject.card.sizes[size].arguments)


def run(model: nn.Module, inputs: tuple[Tensor, ...], *, seed: int = 0) -> Tensor:
    """The model's output without gradients, with its randomness drawn from `seed`; a copy, that nobody else holds."""
    with seeded(seed), torch.no_grad():
        return cast(Tensor, model(*inputs)).clone()


def changed(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """The names under which two state dicts differ."""

    def same(a: object, b: object) -> bool:
        return torch.equal(a, b) if isinstance(a, Tensor) and isinstance(b, Tensor) else a == b

    return [name for name in {**before, **after} if not same(before.get(name), after.get(name))]


def difference(got: Tensor, expected: Tensor) -> float:
    """The largest difference, measured by the largest expected number where that is above 1; infinite for nan."""
    if got.shape != expected.shape:
        raise Broken(f"outputs of one model have the shapes {tuple(got.shape)} and {tuple(expected.shape)}")
    if not (torch.isfinite(got).all() and torch.isfinite(expected).all()):
        return float("inf")
    scale = max(1.0, expected.abs().max().item()) if expected.numel() else 1.0
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
    if dtype.is_floating_point:
        return torch.randn(shape, generator=generator, dtype=dtype)
    return torch.randint(one.high, shape, generator=generator, dtype=dtype)
