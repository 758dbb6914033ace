"""Activation maximization: the picture that excites a unit, found by gradient ascent on the pixels.

D. Erhan, Y. Bengio, A. Courville, P. Vincent, "Visualizing Higher-Layer Features of a Deep Network", 2009,
https://www.researchgate.net/publication/265022827. What keeps the picture smooth: C. Olah, A. Mordvintsev, L. Schubert,
"Feature Visualization", 2017, https://distill.pub/2017/feature-visualization.

- The weights stay as they are, and the pixels learn: they rise along the gradient of one unit's activation.
- Pixels are a sigmoid of what learns, so that they stay in [0, 1], and that is blurred a little.
- Each step looks at the picture shifted by a few pixels, so that nothing pays off at one place only (jitter).
- Left out: the Fourier basis, colour decorrelation, priors by generative networks.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

Activation = Callable[[Tensor], Tensor]  # pictures (N, C, H, W) to one number each, (N,)


def exciting_pictures(
    activation: Activation,
    shape: tuple[int, int, int, int],
    *,
    generator: torch.Generator,
    steps: int = 96,
    lr: float = 0.1,
) -> Float[Tensor, "N C H W"]:
    """Pictures of this shape, (N, C, H, W) in [0, 1], each of which makes its own number of `activation` large."""
    learned = (0.1 * torch.randn(shape, generator=generator)).requires_grad_()
    optimizer = torch.optim.Adam([learned], lr=lr)
    most = max(1, shape[-1] // 14)
    with torch.enable_grad():
        for _ in range(steps):
            shifts = torch.randint(-most, most + 1, (2,), generator=generator).tolist()
            moved = torch.roll(_pixels(learned), shifts, dims=(2, 3))
            # One number a picture, so the sum has each picture's own gradient.
            (learned.grad,) = torch.autograd.grad(-activation(moved).sum(), [learned])
            optimizer.step()
    return _pixels(learned).detach()


def _pixels(learned: Tensor) -> Tensor:
    """In [0, 1], and smooth: the mean over 3 x 3, edges repeated."""
    return F.avg_pool2d(F.pad(learned, (1, 1, 1, 1), mode="replicate"), 3, stride=1).sigmoid()


def class_logits(model: nn.Module, classes: Int[Tensor, "N"]) -> Activation:
    """The n-th picture's logit of the n-th of these classes."""

    def activation(pictures: Tensor) -> Tensor:
        logits: Tensor = model(pictures)
        return logits.gather(1, classes[:, None])[:, 0]

    return activation
