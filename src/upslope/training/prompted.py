"""Pictures of prompts, by number: the loop of diffusion around a network that reads texts.

    pictures = draw_prompts(model, tokens, range(8), empty=words.empty, diffusion=diffusion, shape=shape, seed=3)

Prompts go through the text encoder once; in every step the U-Net reads its states, and those of the empty prompt,
from which guidance leads away.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Int
from numpy.typing import NDArray
from torch import Tensor

from upslope.blocks.samplers.denoise import denoise
from upslope.models.generative.text_to_image import TextToImage
from upslope.training.diffusion import Diffusion, noise_of


@torch.no_grad()
def draw_prompts(
    model: TextToImage,
    tokens: Int[Tensor, "N T"],
    numbers: Sequence[int],
    *,
    empty: Sequence[int],
    diffusion: Diffusion,
    shape: tuple[int, ...],
    seed: int,
    steps: int | None = None,
    guidance: float | None = None,
    batch_size: int = 250,
) -> NDArray[np.float32]:
    """The samples of a seed with these numbers, one for each row of tokens: (N, H, W, 3) in [0, 1].

    `shape` is that of the latents. `steps` and `guidance` are as in training where they are None.
    """
    device = next(model.parameters()).device
    states = model.text(torch.cat([tokens, torch.tensor([list(empty)])]).to(device))
    asked, nothing = torch.arange(len(tokens), device=device), len(tokens)

    def predict(x: Tensor, step: Tensor, prompt: Tensor) -> Tensor:
        said: Tensor = model.unet(x, step, states[prompt])
        return said

    # What the network sees in noisy pixels lies in [-1, 1], as pixels do; latents have no such bounds.
    recipe = diffusion.recipe(classes=nothing, steps=steps, guidance=guidance)
    recipe = replace(recipe, clip=model.autoencoder is None)
    done = []
    for start in range(0, len(tokens), batch_size):
        some = slice(start, start + batch_size)
        noise = noise_of(numbers[some], shape, seed=seed)
        *_, last = denoise(diffusion.asked(predict), noise, asked[some], recipe)
        done.append(model.decode(last.x).cpu())
    return ((torch.cat(done) + 1) / 2).clamp(0, 1).permute(0, 2, 3, 1).numpy()
