"""A diffusion model's settings, from training to the use of a saved run, and samples by number.

    diffusion = Diffusion()
    images = diffusion.draw(predict, labels, range(16), shape=(1, 28, 28), classes=10, seed=3)

`predict(x, step, label)` is the network. A saved run holds the settings in its spec, `spec.preprocessing["diffusion"]`:

    images = drawn(network.forward, network.spec, labels=[7, 7], numbers=[0, 1], seed=3)   # (2, 28, 28), in [0, 1]
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from upslope.blocks.generative.noise_schedules import Schedule, alpha_bars
from upslope.blocks.samplers.denoise import Moment, Noise, Predict, Recipe, denoise
from upslope.blocks.samplers.path import path
from upslope.blocks.samplers.prediction import Predicts
from upslope.blocks.samplers.samplers import SAMPLERS
from upslope.runs.model_spec import ModelSpec
from upslope.training.numbered_noise import numbered_noise

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Diffusion:
    """How noise is added and taken away again."""

    schedule: Schedule = "cosine"
    learned: int = 1000  # steps into noise
    predicts: Predicts = "epsilon"
    told: bool = True  # whether the network is told the step: without, it has to guess how much noise there is
    sampler: Literal["ddpm", "ddim", "euler", "dpm-solver"] = "ddim"
    steps: int = 20  # back out of it
    guidance: float = 1.5

    @property
    def alpha_bars(self) -> Float[Tensor, " T"]:
        """The share of the image in the variance after each step."""
        return alpha_bars(self.schedule, self.learned)

    def recipe(self, *, classes: int, steps: int | None = None, guidance: float | None = None) -> Recipe:
        """How samples are made; what is None is as the settings say."""
        # In pure noise, which noise it is says next to nothing of the image: then sampling begins a little later.
        spacing: Literal["leading", "trailing"] = "leading" if self.predicts == "epsilon" else "trailing"
        return Recipe(
            path(self.alpha_bars, self.steps if steps is None else steps, spacing=spacing),
            SAMPLERS[self.sampler],
            no_class=classes,
            guidance=self.guidance if guidance is None else guidance,
            predicts=self.predicts,
        )

    def asked(self, predict: Predict) -> Predict:
        """The network as it is asked: where it is not to know the step, always about step 0."""
        return predict if self.told else lambda x, step, label: predict(x, torch.zeros_like(step), label)

    def moments(
        self, predict: Predict, labels: Tensor, *, shape: tuple[int, ...], classes: int, seed: int
    ) -> list[Moment]:
        """The first samples of a seed on their way from noise to image."""
        noise = noise_of(range(len(labels)), shape, seed=seed)
        return list(denoise(self.asked(predict), noise, labels, self.recipe(classes=classes)))

    def draw(
        self,
        predict: Predict,
        labels: Tensor,
        numbers: Sequence[int],
        *,
        shape: tuple[int, ...],
        classes: int,
        seed: int,
        steps: int | None = None,
        guidance: float | None = None,
        batch_size: int = 250,
    ) -> NDArray[np.float32]:
        """The samples of a seed with these numbers, one for each label, (N, H, W) in [0, 1]; their first channel."""
        recipe, done = self.recipe(classes=classes, steps=steps, guidance=guidance), []
        for start in range(0, len(labels), batch_size):
            some = slice(start, start + batch_size)
            *_, last = denoise(self.asked(predict), noise_of(numbers[some], shape, seed=seed), labels[some], recipe)
            done.append(last.x.cpu())
        return ((torch.cat(done)[:, 0] + 1) / 2).clamp(0, 1).numpy()


def noise_of(numbers: Sequence[int], shape: tuple[int, ...], *, seed: int) -> Noise:
    """The noise of these samples by number, as `denoise` asks for it: none depends on the others of its batch."""
    return lambda draw: torch.from_numpy(numbered_noise(numbers, shape, seed=seed, step=draw))


def drawn(
    forward: Callable[[Arrays], Arrays],
    spec: ModelSpec,
    *,
    labels: Sequence[int],
    numbers: Sequence[int],
    seed: int,
    steps: int | None = None,
    guidance: float | None = None,
) -> NDArray[np.float32]:
    """The samples of a seed with these numbers, one for each label, by a saved network: arrays in, arrays out.

    (N, H, W) in [0, 1]. `steps` and `guidance` are as in training where they are None. The label after the last class
    asks for an image of any class.
    """
    settings: Mapping[str, Any] = spec.preprocessing["diffusion"]
    classes = len(spec.preprocessing["classes"])
    (x, step, label), (said,) = spec.inputs, spec.outputs

    def predict(noisy: Tensor, told: Tensor, of: Tensor) -> Tensor:
        return torch.from_numpy(forward({x: noisy.numpy(), step: told.numpy(), label: of.numpy()})[said])

    return Diffusion(**settings).draw(
        predict,
        torch.tensor(list(labels), dtype=torch.int64),
        numbers,
        shape=spec.shape,
        classes=classes,
        seed=seed,
        steps=steps,
        guidance=guidance,
    )
