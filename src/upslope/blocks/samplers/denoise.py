"""Samples out of noise: the loop around a network and a sampler, with guidance by class.

    recipe = Recipe(path(alpha_bars("cosine"), 20), DDIM, no_class=10, guidance=1.5)
    for moment in denoise(predict, noise, labels, recipe):
        ...  # moment.x, moment.image

`predict(x, step, label)` is the network: (B, *S), (B,) and (B,) to (B, *S). `noise(draw)` gives the standard normal
noise of the whole batch, (B, *S): draw 0 is where the samples start, draw n + 1 what is added in step n.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Int
from torch import Tensor

from upslope.blocks.generative.guidance import guided
from upslope.blocks.samplers.path import Path
from upslope.blocks.samplers.prediction import Predicts, image_of
from upslope.blocks.samplers.samplers import Sampler

Predict = Callable[[Tensor, Tensor, Tensor], Tensor]
Noise = Callable[[int], Tensor]


@dataclass(frozen=True)
class Recipe:
    """How samples are made: by which steps, with which sampler, and what the network's answers mean.

    With `guidance` the network is asked twice, in one batch: about the label, and about `no_class`. `clip` keeps the
    images that it sees in [-1, 1], as real ones are.
    """

    way: Path
    sampler: Callable[[], Sampler]
    no_class: int
    guidance: float = 0.0
    predicts: Predicts = "epsilon"
    clip: bool = True


@dataclass(frozen=True, eq=False)
class Moment:
    """A batch on its way: before step number `number`, and behind the last one."""

    number: int
    x: Tensor  # as noisy as this step is
    image: Tensor  # the clean image that the network sees in it


def denoise(predict: Predict, noise: Noise, labels: Int[Tensor, " N"], recipe: Recipe) -> Iterator[Moment]:
    """Samples of these labels from step to step; the last moment holds the finished images."""
    device = labels.device
    x = image = noise(0).to(device)
    sampler = recipe.sampler()
    for number, (step, level, after) in enumerate(recipe.way):
        told = torch.full_like(labels, step)
        if recipe.guidance:
            both = torch.cat([labels, torch.full_like(labels, recipe.no_class)])
            asked, anything = predict(torch.cat([x, x]), torch.cat([told, told]), both).chunk(2)
            said = guided(asked, anything, guidance=recipe.guidance)
        else:
            said = predict(x, told, labels)
        image = image_of(recipe.predicts, said, x, alpha_bar=level)
        image = image.clamp(-1, 1) if recipe.clip else image
        yield Moment(number, x, image)
        fresh = partial(_fresh, noise, number + 1, device)
        x = sampler(x, image, alpha_bar=level, alpha_bar_after=after, fresh=fresh)
    yield Moment(len(recipe.way), x, image)


def _fresh(noise: Noise, draw: int, device: torch.device) -> Tensor:
    return noise(draw).to(device)
