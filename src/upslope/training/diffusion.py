"""A diffusion model's settings, from training to the use of a saved run, and samples by number.

    diffusion = Diffusion()
    images = diffusion.draw(predict, labels, shape=(1, 28, 28), classes=10, seed=3, numbers=range(16))

`predict(x, step, label)` is the network. A saved run holds the settings in its spec, `spec.preprocessing["diffusion"]`:

    images = drawn(network.forward, network.spec, labels=[7, 7], seed=3)   # (2, 28, 28), in [0, 1]
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
from upslope.blocks.samplers.generate import Predict, Recipe, generate
from upslope.blocks.samplers.path import path
from upslope.blocks.samplers.prediction import Predicts
from upslope.blocks.samplers.samplers import SAMPLERS
from upslope.runs.model_spec import ModelSpec

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

    def draw(
        self,
        predict: Predict,
        labels: Tensor,
        *,
        shape: tuple[int, ...],
        classes: int,
        seed: int,
        numbers: Sequence[int],
        steps: int | None = None,
        guidance: float | None = None,
    ) -> NDArray[np.float32]:
        """The samples of a seed with these numbers, (N, H, W) in [0, 1]; of several channels the first."""
        recipe = self.recipe(classes=classes, steps=steps, guidance=guidance)
        images = generate(self.asked(predict), labels, recipe, shape=shape, seed=seed, numbers=numbers)
        return ((images[:, 0] + 1) / 2).clamp(0, 1).numpy()


def drawn(
    forward: Callable[[Arrays], Arrays],
    spec: ModelSpec,
    *,
    labels: Sequence[int],
    seed: int,
    first: int = 0,
    steps: int | None = None,
    guidance: float | None = None,
) -> NDArray[np.float32]:
    """Samples `first`, `first` + 1 ... of a seed, one for each label, by a saved network: arrays in, arrays out.

    (N, H, W) in [0, 1]. `steps` and `guidance` are as in training where they are None.
    """
    settings: Mapping[str, Any] = spec.preprocessing["diffusion"]
    classes = len(spec.preprocessing["classes"])
    (x, step, label), (said,) = spec.inputs, spec.outputs

    def predict(noisy: Tensor, told: Tensor, of: Tensor) -> Tensor:
        return torch.from_numpy(forward({x: noisy.numpy(), step: told.numpy(), label: of.numpy()})[said])

    return Diffusion(**settings).draw(
        predict,
        torch.tensor(list(labels), dtype=torch.int64),
        shape=spec.shape,
        classes=classes,
        seed=seed,
        numbers=range(first, first + len(labels)),
        steps=steps,
        guidance=guidance,
    )
