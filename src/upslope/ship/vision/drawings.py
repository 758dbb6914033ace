"""Arrays as small PNG pictures inside a page.

Values are colours with transparency, so that they lie on a light page, on a dark one, and over a photograph alike:
orange is positive and blue negative, the less transparent the further from 0.
"""

import base64
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float32]
_POSITIVE, _NEGATIVE = (222, 84, 8), (24, 104, 204)
_COLD, _HOT = (255, 208, 40), (205, 10, 40)


def signed(values: Values, most: float = 0.0) -> str:
    """A map (H, W) of numbers of both signs; `most` is the size that is drawn in full, else the largest."""
    full = most or float(np.abs(values).max()) or 1.0
    indices = np.rint(127.5 + 127.5 * np.clip(values / full, -1, 1)).astype(np.uint8)
    along = np.abs(np.arange(256) - 127.5) / 127.5
    colours = np.where(np.arange(256)[:, None] > 127, _POSITIVE, _NEGATIVE)
    return _png(indices, colours, 255 * np.where(along < 0.01, 0, along) ** 0.7)


def heat(values: Values, most: float = 0.0) -> str:
    """A map (H, W) of numbers from 0 on: nothing where they are 0, then yellow to red."""
    full = most or float(values.max()) or 1.0
    along = np.linspace(0, 1, 256)
    colours = np.asarray(_COLD) + along[:, None] * (np.asarray(_HOT) - np.asarray(_COLD))
    return _png(np.rint(255 * np.clip(values / full, 0, 1)).astype(np.uint8), colours, 235 * along**1.1)


def picture(pixels: Values, *, ink: bool = False) -> str:
    """A picture (C, H, W) in [0, 1], grey or colour; with `ink` 1 is black, as on paper."""
    from PIL import Image

    shown = np.rint(255 * np.clip(1 - pixels if ink else pixels, 0, 1)).astype(np.uint8)
    image = Image.fromarray(shown[0]) if len(shown) == 1 else Image.fromarray(shown.transpose(1, 2, 0))
    return _uri(image, {})


def smaller(values: Values, most: int) -> Values:
    """A map of at most so many places on a side: the mean over squares where there are more."""
    by = -(-max(values.shape) // most)
    height, width = (size // by * by for size in values.shape)
    return values[:height, :width].reshape(height // by, by, width // by, by).mean(axis=(1, 3)) if by > 1 else values


def larger(values: Values, side: int) -> Values:
    """A map drawn smoothly on about `side` places, as Grad-CAM is laid over a picture."""
    from PIL import Image

    by = max(1, side // max(values.shape))
    size = (values.shape[1] * by, values.shape[0] * by)
    return np.asarray(Image.fromarray(values.astype(np.float32)).resize(size, Image.Resampling.BILINEAR))


def packed(values: Values) -> str:
    """Numbers for the page's script: float32 in base64."""
    return base64.b64encode(np.ascontiguousarray(values, dtype="<f4").tobytes()).decode()


def _png(indices: NDArray[np.uint8], colours: NDArray[np.float64], alpha: NDArray[np.float64]) -> str:
    from PIL import Image

    image = Image.fromarray(indices)
    image.putpalette(np.rint(colours).astype(np.uint8).tobytes())
    return _uri(image, {"transparency": np.rint(np.clip(alpha, 0, 255)).astype(np.uint8).tobytes()})


def _uri(image: "object", options: dict[str, bytes]) -> str:
    file = BytesIO()
    image.save(file, format="png", optimize=True, **options)  # type: ignore[attr-defined]
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
