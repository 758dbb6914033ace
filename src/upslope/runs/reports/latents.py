"""What a run with a latent space says about itself: samples, reconstructions, a plane of latents, ways between images.

`decode` takes latents (N, D) and gives images (N, C, H, W) in [0, 1]; of several channels the first is drawn.
"""

from collections.abc import Callable, Mapping
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from upslope.runs import figures
from upslope.runs.run import Run

Floats = NDArray[np.float32]
Decode = Callable[[Floats], Floats]


def curves(run: Run[Any], *, per_epoch: int) -> None:
    """The bound in training and on validation data, and its two parts."""
    panels = {
        "negative ELBO in nats": ("loss", "validation_negative_elbo"),
        "reconstruction in nats": ("reconstruction",),
        "KL in nats": ("kl",),
    }
    run.picture("curves", figures.curves(run.logged(), panels, smooth=10, per_epoch=per_epoch))


def samples(run: Run[Any], images: Floats, *, columns: int = 10) -> None:
    """Images from noise, as many rows as there are."""
    drawn = images[: len(images) // columns * columns, 0]
    caption = "Decoded from latents drawn from the prior: the probability of each pixel."
    run.picture("samples", figures.sheet(drawn.reshape(-1, columns, *drawn.shape[1:])), caption)


def reconstructions(run: Run[Any], images: Floats, mean: Floats, decode: Decode, *, count: int = 12) -> None:
    """The first images of the test set above what the decoder makes of their latents."""
    rows = np.stack([images[:count, 0], decode(mean[:count])[:, 0]])
    sheet = figures.sheet(rows, rows=("image", "reconstruction"))
    run.picture("reconstructions", sheet, "Test images, and what is left of them after the latents.")


def plane(run: Run[Any], mean: Floats, decode: Decode, *, side: int = 13) -> None:
    """The plane of the two latents that vary most over the data, at even quantiles of the prior; the others are 0.

    Kingma and Welling 2013, figure 4.
    """
    first, second = np.argsort(-mean.var(axis=0), kind="stable")[:2] if mean.shape[1] > 1 else (0, 0)
    places = [NormalDist().inv_cdf((number + 0.5) / side) for number in range(side)]
    z = np.zeros((side, side, mean.shape[1]), dtype=np.float32)
    z[..., second] = np.array(places)[::-1, None]
    z[..., first] = places
    images = decode(z.reshape(side * side, -1))[:, 0]
    sheet = figures.sheet(
        images.reshape(side, side, *images.shape[1:]), across=f"latent {first}", down=f"latent {second}"
    )
    run.picture("plane", sheet, "The two latents that vary most over the test images, from -1.8 to 1.8; the rest 0.")


def interpolation(run: Run[Any], mean: Floats, decode: Decode, *, rows: int = 6, steps: int = 12) -> None:
    """From one test image to another along the straight line between their latents."""
    pairs = mean[: 2 * (min(rows, len(mean) // 2))].reshape(-1, 2, mean.shape[1])
    share = np.linspace(0, 1, steps, dtype=np.float32)[None, :, None]
    z = (1 - share) * pairs[:, :1] + share * pairs[:, 1:]
    images = decode(z.reshape(-1, mean.shape[1]))[:, 0]
    sheet = figures.sheet(images.reshape(len(pairs), steps, *images.shape[1:]))
    run.picture("interpolation", sheet, "Between the latents of two test images: what lies on the straight line.")


def arithmetic(run: Run[Any], moved: Mapping[str, Floats]) -> None:
    """For each attribute the first images (N, steps, H, W) on their way along its direction, below each other."""
    rows = [name if not number else "" for name, images in moved.items() for number in range(len(images))]
    sheet = figures.sheet(np.concatenate(list(moved.values())), rows=rows)
    caption = "Test images, each in the middle of its row: less of an attribute on the left, more on the right."
    run.picture("arithmetic", sheet, caption)
