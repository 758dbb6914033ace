"""Changing spectrograms in ways that do not change the word: another throat, another pace, another room.

N. Jaitly, G. E. Hinton, "Vocal Tract Length Perturbation (VTLP) Improves Speech Recognition", 2013; T. Ko, V. Peddinti,
D. Povey, S. Khudanpur, "Audio Augmentation for Speech Recognition", 2015; D. S. Park et al. 2019 (SpecAugment).
"""

import math

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from upslope.blocks.audio.spec_augment import spec_augment
from upslope.sound.mel import hertz_to_mel, mel_to_hertz
from upslope.sound.preprocess import FrontEnd
from upslope.training.batches import Batch, Transform

Spectrograms = Float[Tensor, "B F T"]


def warped(x: Spectrograms, *, rate: float, throat: Tensor, pace: Tensor, shift: Tensor) -> Spectrograms:
    """Each spectrogram as another mouth would have said it, faster or slower, earlier or later; factors (B,) each.

    What lies at f hertz is taken from throat * f: above 1 all resonances move down, as in a longer throat. With `pace`
    above 1 the sound gets shorter; it begins earlier by `shift` halves of the picture. From beyond the edges comes what
    lies at them.
    """
    _, bands, frames = x.shape
    top = float(hertz_to_mel(np.array(rate / 2)))
    centres = torch.from_numpy(mel_to_hertz(np.linspace(0, top, bands + 2)[1:-1])).float()
    hertz = (centres * throat[:, None]).clamp(0, rate / 2)
    band = 2595 * torch.log10(1 + hertz / 700) / top * (bands + 1) - 1  # (B, F), counted from 0
    moment = (torch.arange(frames) + 0.5) / frames * 2 - 1
    across = moment * pace[:, None] + shift[:, None]  # (B, T), the picture being [-1, 1]
    up = (band + 0.5) / bands * 2 - 1
    grid = torch.stack([across[:, None, :].expand_as(x), up[:, :, None].expand_as(x)], dim=-1)
    return F.grid_sample(x[:, None], grid, padding_mode="border", align_corners=False)[:, 0]


def filtered(x: Spectrograms, *, strength: float, generator: torch.Generator) -> Spectrograms:
    """As another microphone would have heard it: a smooth random curve over the bands is added, four cosines."""
    bands = x.shape[1]
    order = torch.arange(1, 5)
    heights = torch.randn(len(x), 4, generator=generator) * strength / order
    curve = heights @ torch.cos(math.pi * order[:, None] * (torch.arange(bands) + 0.5) / bands)
    return x + curve[:, :, None]


def noisy(x: Spectrograms, *, most: float, generator: torch.Generator) -> Spectrograms:
    """Nothing is quieter than a random level, up to the share `most` of the way from the quietest to the loudest."""
    low, high = x.amin(dim=(1, 2), keepdim=True), x.amax(dim=(1, 2), keepdim=True)
    level = low + most * torch.rand(len(x), 1, 1, generator=generator) * (high - low)
    return torch.maximum(x, level + 0.2 * torch.randn(x.shape, generator=generator))


def disturbed(
    front: FrontEnd,
    *,
    throat: float = 0.15,
    pace: float = 0.2,
    shift: float = 0.15,
    filters: float = 0.5,
    noise: float = 0.3,
    freq_width: int = 5,
    time_width: int = 9,
) -> Transform:
    """What `Batches` does to the spectrograms of a batch; throat and pace are the largest changes, as logarithms."""

    def transform(batch: Batch, generator: torch.Generator) -> Batch:
        def drawn(most: float) -> Tensor:
            return (2 * torch.rand(len(batch["spectrogram"]), generator=generator) - 1) * most

        x = batch["spectrogram"]
        x = warped(x, rate=front.rate, throat=drawn(throat).exp(), pace=drawn(pace).exp(), shift=drawn(shift))
        x = filtered(x, strength=filters, generator=generator) if filters else x
        x = noisy(x, most=noise, generator=generator) if noise else x
        return {
            **batch,
            "spectrogram": spec_augment(x, freq_width=freq_width, time_width=time_width, generator=generator),
        }

    return transform
