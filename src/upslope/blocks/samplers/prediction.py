"""What a diffusion network predicts: the noise, the image, or v, from each of which the others follow.

T. Salimans, J. Ho, "Progressive Distillation for Fast Sampling of Diffusion Models", 2022,
https://arxiv.org/abs/2202.00512, section 4 and appendix D.
"""

import math
from typing import Literal

from jaxtyping import Float
from torch import Tensor

Predicts = Literal["epsilon", "v", "x0"]


def target(
    predicts: Predicts, x: Float[Tensor, "B *S"], noise: Float[Tensor, "B *S"], alpha_bar: Float[Tensor, " B"]
) -> Float[Tensor, "B *S"]:
    """What the network should say of the noisy version of `x` at these levels.

    v = sqrt(alpha_bar) * noise - sqrt(1 - alpha_bar) * x: the noise where there is little, minus the image where there
    is hardly anything else.
    """
    if predicts == "epsilon":
        return noise
    if predicts == "x0":
        return x
    kept = alpha_bar.reshape(-1, *[1] * (x.ndim - 1))
    return kept.sqrt().to(x.dtype) * noise - (1 - kept).sqrt().to(x.dtype) * x


def image_of(
    predicts: Predicts, prediction: Float[Tensor, "B *S"], x: Float[Tensor, "B *S"], *, alpha_bar: float
) -> Float[Tensor, "B *S"]:
    """The clean image that a prediction about the noisy `x` amounts to.

    Raises:
        ValueError: noise was predicted where nothing of the image is left: any image fits.
    """
    kept, noise = math.sqrt(alpha_bar), math.sqrt(1 - alpha_bar)
    if predicts == "x0":
        return prediction
    if predicts == "v":
        return kept * x - noise * prediction
    if not kept:
        raise ValueError("alpha_bar=0 leaves nothing of the image: only v and x0 can be predicted there")
    return (x - noise * prediction) / kept
