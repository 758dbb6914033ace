"""One description of a PyTorch module, from which the checks that every module needs follow (op_info.py for modules).

    BLOCK = ModuleInfo(residual.BasicBlock, samples=drawn, truth=basic)

    test_random = BLOCK.random("random weights in evaluation: the formula with PyTorch's functions")

A sample is what the module is made with and what it is called with: ({"dim": 4, "heads": 2}, {"x": array}). `truth`
gets tensors: x, the weights by name, and the rest by keyword. Weights are random, and the same for the same seed.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.func import functional_call

from upslope.checks.blocks.tensors import filled, gradients, holding, holds, laid, tensor
from upslope.checks.expect import close, raises, tensor_of
from upslope.checks.laws import Call, keeps_laws, learns
from upslope.checks.samples import spelled

__all__ = ["ModuleInfo"]

Check = Callable[[np.random.Generator], None]
Settings = Mapping[str, Any]
Sample = tuple[Settings, Mapping[str, Any]]
Samples = Callable[[np.random.Generator], Iterable[Sample]]


@dataclass(frozen=True)
class ModuleInfo:
    """A class of modules, ways to make and call it, and the same computation from PyTorch's functions."""

    kind: Callable[..., Any]
    samples: Samples
    truth: Callable[..., Tensor]

    def parameters(self, title: str, *cases: tuple[Settings, Mapping[str, list[int]]]) -> Check:
        """What it keeps, by name, with shapes."""
        return self._check(title, _parameters, cases)

    def shape(self, title: str, samples: Samples | None = None) -> Check:
        """The result has the shape of the right one and the dtype of the weights and the input."""
        return self._check(title, _shape_and_dtype, samples or self.samples, self.truth)

    def by_hand(self, title: str, *cases: tuple[Settings, Mapping[str, Any], Any, Any]) -> Check:
        """Results worked out on paper, in evaluation: settings, some weights, x, and the result."""
        return self._check(title, _by_hand, cases)

    def random(self, title: str, samples: Samples | None = None, *, training: bool = False) -> Check:
        """Random weights and inputs give what `truth` gives."""
        return self._check(title, _agrees, samples or self.samples, self.truth, training)

    def gradient(self, title: str, samples: Samples) -> Check:
        """The gradients of x and of every parameter are those that PyTorch finds for `truth`."""
        return self._check(title, _gradient, samples, self.truth)

    def learns(self, title: str, samples: Samples) -> Check:
        """A plain backward pass, in training and in evaluation, reaches every parameter and the input."""
        return self._check(title, _learns, samples)

    def laws(self, title: str, samples: Samples | None = None) -> Check:
        """The laws of every operation (laws.py) for the first two samples, in evaluation."""
        return self._check(title, _laws, samples or self.samples)

    def refuses(self, title: str, *cases: tuple[Settings, tuple[int, ...], Sequence[str]]) -> Check:
        """Settings, or an input of this shape, that raise ValueError, with words that its message must hold."""
        return self._check(title, _refuses, cases)

    def _check(self, title: str, run: Callable[..., None], *args: Any) -> Check:
        part = partial(run, self.kind, *args)

        def check(rng: np.random.Generator) -> None:
            part(rng)

        check.__doc__ = title
        return check


# Plain functions from here on: those of a class could not be given copies of the comparisons (integrity/).


def _parameters(kind: Any, cases: Sequence[tuple[Settings, Any]], rng: np.random.Generator) -> None:
    for settings, shapes in cases:
        holds(kind(**settings), shapes, case=_words(kind, settings))


def _shape_and_dtype(kind: Any, samples: Samples, truth: Any, rng: np.random.Generator) -> None:
    for settings, inputs in samples(rng):
        given = _tensors(inputs)
        for dtype in (torch.float32, torch.float64):
            module = kind(**settings).to(dtype).eval()
            state = {name: value.double() for name, value in module.state_dict().items()}
            expected = tuple(truth(weights=state, **given, **settings).shape)
            x = given["x"].to(dtype)
            case = f"{_words(kind, settings)} on numbers of shape {tuple(x.shape)}"
            out = module(**{**given, "x": x})
            tensor_of(out, expected, dtype=str(dtype).removeprefix("torch."), case=case)


def _by_hand(kind: Any, cases: Sequence[Any], rng: np.random.Generator) -> None:
    for settings, weights, x, expected in cases:
        module = holding(kind(**settings), weights).eval()
        said = ", ".join(f"{name} {spelled(value)}" for name, value in weights.items())
        case = f"{_words(kind, settings)} with {said} on {spelled(x)}"
        close(module(tensor(x)), expected, case=case, atol=1e-4)


def _agrees(kind: Any, samples: Samples, truth: Any, training: bool, rng: np.random.Generator) -> None:
    for settings, inputs in samples(rng):
        module, given = filled(kind(**settings), rng).train(training), _tensors(inputs)
        weights = {name: value.clone() for name, value in module.state_dict().items()}
        mode = {"training": True} if training else {}
        case = f"{_words(kind, settings)} with random weights, {'in training' if training else 'in evaluation'}, on "
        case += " and ".join(
            spelled(array) if name == "x" else f"{name} {spelled(array)}" for name, array in inputs.items()
        )
        close(module(**given), truth(weights=weights, **given, **settings, **mode), case=case)


def _gradient(kind: Any, samples: Samples, truth: Any, rng: np.random.Generator) -> None:
    for settings, inputs in samples(rng):
        module, given = filled(kind(**settings), rng).eval(), _tensors(inputs)
        x = given.pop("x")
        values = {name: value.detach().numpy() for name, value in module.named_parameters()}
        kept = dict(module.named_buffers())
        f = partial(_with_weights, module, tuple(values), given)
        expected = partial(_by_truth, truth, tuple(values), kept, given, settings)
        case = f"{_words(kind, settings)} on {spelled(x)}"
        gradients(f, {"x": x.numpy(), **values}, rng=rng, case=case, truth=expected)


def _with_weights(module: Any, names: Sequence[str], more: Mapping[str, Any], x: Tensor, *weights: Tensor) -> Any:
    return functional_call(module, dict(zip(names, weights, strict=True)), x, dict(more))


def _by_truth(
    truth: Any, names: Sequence[str], kept: Any, more: Any, settings: Settings, x: Tensor, *weights: Tensor
) -> Tensor:
    found: Tensor = truth(weights={**kept, **dict(zip(names, weights, strict=True))}, x=x, **more, **settings)
    return found


def _learns(kind: Any, samples: Samples, rng: np.random.Generator) -> None:
    for settings, inputs in samples(rng):
        learns(filled(kind(**settings), rng), tensor(inputs["x"]), case=_words(kind, settings))


def _laws(kind: Any, samples: Samples, rng: np.random.Generator) -> None:
    calls = []
    for settings, inputs in list(samples(rng))[:2]:
        module = filled(kind(**settings), rng).eval()
        case = f"{_words(kind, settings)} on numbers of shape {np.shape(inputs['x'])}"
        calls.append(Call(partial(_call, module), [inputs["x"]], case=case))
    keeps_laws(*calls, tensor=laid, dtypes=())


def _call(module: Any, x: Tensor) -> Any:
    return module(x)


def _refuses(kind: Any, cases: Sequence[Any], rng: np.random.Generator) -> None:
    for settings, shape, says in cases:
        case = f"{_words(kind, settings)} on numbers of shape {shape}"
        raises(ValueError, partial(_made_and_called, kind, settings, shape), case=case, says=says)


def _made_and_called(kind: Any, settings: Settings, shape: tuple[int, ...]) -> Any:
    module = kind(**settings)
    # An empty shape: it is the making that must fail.
    return module(torch.zeros(shape)) if shape else module


def _tensors(inputs: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: tensor(value) if np.asarray(value).dtype.kind == "f" else torch.from_numpy(np.asarray(value))
        for name, value in inputs.items()
    }


def _words(kind: Any, settings: Settings) -> str:
    return f"{kind.__name__}({', '.join(f'{name}={value}' for name, value in settings.items())})"
