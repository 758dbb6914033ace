"""Pictures of an observation, and episodes as GIFs, drawn with Pillow: no game library, no screen.

CartPole and the walk are drawn as scenes; for any other environment each number of the observation is a bar.
"""

from collections.abc import Iterable
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from upslope.envs.vector import Floats

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Numbers = NDArray[np.float64]
SIZE = (400, 240)
INK, WOOD, RAIL, BLUE = "#24292f", "#c98a4b", "#d0d7de", "#0b5394"
_SCALE = 2  # drawn larger and made smaller, for smooth lines


def frame(environment: str, observation: Floats, words: str = "") -> Image.Image:
    """One observation (*S) as a picture of 400 x 240 pixels, with words above it."""
    large = Image.new("RGB", (SIZE[0] * _SCALE, SIZE[1] * _SCALE), "white")
    draw = ImageDraw.Draw(large)
    numbers = np.asarray(observation, dtype=np.float64).ravel()
    if environment.startswith("CartPole") and numbers.size == 4:
        _cart_pole(draw, position=numbers[0], angle=numbers[2])
    elif environment == "walk":
        _walk(draw, numbers)
    else:
        _bars(draw, numbers[:32])
    picture = large.resize(SIZE, Image.Resampling.LANCZOS)
    ImageDraw.Draw(picture).text((10, 8), words, fill=INK)
    return picture


def gif(frames: Iterable[Image.Image], *, comment: str, milliseconds: int = 40) -> bytes:
    """Frames as the bytes of a GIF that plays for ever; `comment` says who made it."""
    first, *others = (each.quantize(32) for each in frames)
    file = BytesIO()
    first.save(file, "GIF", save_all=True, append_images=others, duration=milliseconds, loop=0, comment=comment)
    return file.getvalue()


def _cart_pole(draw: ImageDraw.ImageDraw, *, position: float, angle: float) -> None:
    """The cart at `position` (the track ends at 2.4 on either side), the pole leaning by `angle` (radians)."""
    width, height = SIZE[0] * _SCALE, SIZE[1] * _SCALE
    x, y = width / 2 + position / 2.4 * width * 0.45, height * 0.78
    draw.line((0.05 * width, y, 0.95 * width, y), fill=RAIL, width=3 * _SCALE)
    draw.rounded_rectangle((x - 28 * _SCALE, y - 12 * _SCALE, x + 28 * _SCALE, y + 12 * _SCALE), 6, fill=INK)
    tip = (x + 125 * _SCALE * np.sin(angle), y - 125 * _SCALE * np.cos(angle))
    draw.line((x, y, *tip), fill=WOOD, width=9 * _SCALE)
    draw.ellipse((x - 6 * _SCALE, y - 6 * _SCALE, x + 6 * _SCALE, y + 6 * _SCALE), fill=BLUE)


def _walk(draw: ImageDraw.ImageDraw, places: Numbers) -> None:
    """Five planks, and the walker on one; who has fallen is on none."""
    width, y = SIZE[0] * _SCALE, SIZE[1] * _SCALE * 0.7
    for number, here in enumerate(places):
        x = width / 2 + (number - len(places) // 2) * 60 * _SCALE
        draw.rectangle((x - 26 * _SCALE, y, x + 26 * _SCALE, y + 10 * _SCALE), fill=WOOD)
        if here:
            draw.ellipse((x - 12 * _SCALE, y - 26 * _SCALE, x + 12 * _SCALE, y - 2 * _SCALE), fill=BLUE)


def _bars(draw: ImageDraw.ImageDraw, numbers: Numbers) -> None:
    """A bar for each number, to the left where it is negative; from 3 on either side it is as long as can be."""
    width, height = SIZE[0] * _SCALE, SIZE[1] * _SCALE
    each = height * 0.8 / max(1, numbers.size)
    for row, number in enumerate(numbers):
        y, x = height * 0.14 + row * each, width / 2 * (1 + 0.9 * np.clip(number / 3, -1, 1))
        draw.rectangle((min(x, width / 2), y, max(x, width / 2), y + 0.7 * each), fill=BLUE)
    draw.line((width / 2, height * 0.1, width / 2, height * 0.96), fill=RAIL, width=_SCALE)


def strip(environment: str, observations: Floats, *, count: int = 8) -> "Figure":
    """So many moments of one episode (T, *S), evenly spaced, the last one among them."""
    from matplotlib.figure import Figure

    count = min(count, len(observations))
    figure = Figure(figsize=(9.2, 1.7 * -(-count // 4)), layout="constrained", facecolor="white")
    axes = figure.subplots(-(-count // 4), 4, squeeze=False).ravel()
    moments = np.linspace(0, len(observations) - 1, count).round().astype(int)
    for axis in axes:
        axis.set_axis_off()
    for axis, moment in zip(axes, moments, strict=False):
        axis.imshow(np.asarray(frame(environment, observations[moment])))
        axis.set_title(f"step {moment}", fontsize=8)
    return figure
