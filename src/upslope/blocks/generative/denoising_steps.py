"""One step back from noise to image: the random step of DDPM, and DDIM's, which may take no chance at all.

J. Ho, A. Jain, P. Abbeel, "Denoising Diffusion Probabilistic Models", 2020, https://arxiv.org/abs/2006.11239 (DDPM);
J. Song, C. Meng, S. Ermon, "Denoising Diffusion Implicit Models", 2020, https://arxiv.org/abs/2010.02502 (DDIM).

Both start from a noisy x and the clean image that a network sees in it; what the network predicts, noise say, was
turned into that image before. Levels of noise are given by alpha_bar, the image's share of the variance, so that one
step may jump over many of those that the network learned.
"""

import math

from jaxtyping import Float
from torch import Tensor


def ddim_step(
    x: Float[Tensor, "B *S"],
    image: Float[Tensor, "B *S"],
    *,
    alpha_bar: float,
    alpha_bar_after: float,
    eta: float = 0.0,
    fresh: Float[Tensor, "B *S"] | None = None,
) -> Float[Tensor, "B *S"]:
    """sqrt(b) * image + sqrt(1 - b - s^2) * noise + s * fresh, with a = alpha_bar and b = alpha_bar_after.

    noise = (x - sqrt(a) * image) / sqrt(1 - a) is the noise that x holds if `image` is right, and
    s = eta * sqrt((1 - b) / (1 - a)) * sqrt(1 - a / b). With eta 0 nothing is drawn and `fresh`, standard normal noise,
    is not looked at; with eta 1 it is DDPM's step. b = 1 gives `image`. Levels other than 0 <= a < b <= 1 are refused:
    ValueError says "from 0.64 to 0.36". For x [[1]], image [[0.5]], a = 0.36 and b = 0.64 the noise is 0.875 and the
    result 0.8 * 0.5 + 0.6 * 0.875 = [[0.925]]. Song et al. 2020, equations 12 and 16.
    """
    # Each step takes noise away.
    if not 0 <= alpha_bar < alpha_bar_after <= 1:
        raise ValueError(
            f"from {alpha_bar:g} to {alpha_bar_after:g}: alpha_bar rises in each step, from 0 at least to 1"
        )
    # What of x is not the image is noise, here brought to variance 1.
    noise = (x - math.sqrt(alpha_bar) * image) / math.sqrt(1 - alpha_bar)
    # How much of the noise that is left will be fresh.
    spread = eta * math.sqrt((1 - alpha_bar_after) / (1 - alpha_bar)) * math.sqrt(1 - alpha_bar / alpha_bar_after)
    # The same image with less noise, most of it (or all) the noise that was there.
    kept = math.sqrt(max(0.0, 1 - alpha_bar_after - spread**2))
    moved = math.sqrt(alpha_bar_after) * image + kept * noise
    # Fresh noise makes up for what was left out, so that the variance is right.
    return moved if fresh is None or not spread else moved + spread * fresh


def ddpm_step(
    x: Float[Tensor, "B *S"],
    image: Float[Tensor, "B *S"],
    *,
    alpha_bar: float,
    alpha_bar_after: float,
    fresh: Float[Tensor, "B *S"],
) -> Float[Tensor, "B *S"]:
    """A draw from q(x after | x, image), the normal distribution of what x was before its last noise was added.

    With a = alpha_bar, b = alpha_bar_after and beta = 1 - a / b its mean is sqrt(b) * beta / (1 - a) * image +
    sqrt(a / b) * (1 - b) / (1 - a) * x, and its variance beta * (1 - b) / (1 - a), whose root multiplies `fresh`. b = 1
    gives `image`. Levels other than 0 <= a < b <= 1 are refused: ValueError says "from 0.64 to 0.36". For x [[1]],
    image [[0.5]], a = 0.36 and b = 0.64 beta is 0.4375, the mean 0.2734 + 0.4219 = 0.6953, the deviation 0.4961, and
    with fresh [[1]] the result is [[1.1914]]. Ho et al. 2020, equation 7.
    """
    # Each step takes noise away.
    if not 0 <= alpha_bar < alpha_bar_after <= 1:
        raise ValueError(
            f"from {alpha_bar:g} to {alpha_bar_after:g}: alpha_bar rises in each step, from 0 at least to 1"
        )
    # The noise that this step takes back, and what both levels of noise are.
    beta = 1 - alpha_bar / alpha_bar_after
    before, after = 1 - alpha_bar, 1 - alpha_bar_after
    # Between the image and x: the less noise is left, the nearer to the image.
    of_image = math.sqrt(alpha_bar_after) * beta / before
    of_x = math.sqrt(alpha_bar / alpha_bar_after) * after / before
    # Knowing x and the image leaves this much open.
    spread = math.sqrt(beta * after / before)
    return of_image * image + of_x * x + spread * fresh
