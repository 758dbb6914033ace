"""Letterbox: a picture of any shape on a canvas of one size, nothing cut off or stretched; and the way back for boxes.

Sizes and borders are whole pixels, so what was asked for is never quite what was done. Whoever computes the way back
from the scale that was asked for is off by some pixels; here what was really done is written down.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from upslope.image.resize import resized

GREY = 114 / 255  # what the border is filled with: the mean of many photographs


@dataclass(frozen=True)
class Letterbox:
    """What was really done to a picture of height x width pixels: the whole numbers from which there is a way back."""

    height: int
    width: int
    scaled_height: int
    scaled_width: int
    top: int  # rows of border above
    left: int  # columns of border on the left
    size: int | tuple[int, int]  # what was asked for: the side of a square, or (height, width)


def letterbox(
    picture: NDArray[np.number[Any]], size: int | tuple[int, int], *, fill: float = GREY
) -> tuple[NDArray[np.float32], Letterbox]:
    """A picture (H, W) or (H, W, C) in the middle of a canvas, and what was done to bring it there.

    The canvas has `size` pixels on each side, or (height, width). The picture is scaled by the largest factor with
    which it fits, sides rounded to whole pixels, at least one. Of an odd border the larger half is below or on the
    right. Numbers keep their scale: of bytes, 0 to 255, `fill` is 255 * GREY.
    """
    height, width = picture.shape[:2]
    down, across = (size, size) if isinstance(size, int) else size
    if min(height, width, down, across) < 1:
        raise ValueError(f"a picture of {height} x {width} pixels on {down} x {across}; all sides are at least 1")
    factor = min(down / height, across / width)
    scaled_height, scaled_width = max(1, round(height * factor)), max(1, round(width * factor))
    top, left = (down - scaled_height) // 2, (across - scaled_width) // 2
    canvas = np.full((down, across, *picture.shape[2:]), fill, dtype=np.float32)
    small = resized(picture, scaled_height, scaled_width, how=Image.Resampling.BILINEAR)
    canvas[top : top + scaled_height, left : left + scaled_width] = small
    return canvas, Letterbox(height, width, scaled_height, scaled_width, top, left, size)


def to_letterbox(boxes: NDArray[np.floating[Any]], done: Letterbox) -> NDArray[np.floating[Any]]:
    """Where boxes (..., 4) of the picture, in xyxy pixels, lie on the canvas."""
    across, down = done.scaled_width / done.width, done.scaled_height / done.height
    moved = boxes * np.array([across, down, across, down]) + np.array([done.left, done.top, done.left, done.top])
    return np.asarray(moved, dtype=boxes.dtype)


def undo_letterbox(boxes: NDArray[np.floating[Any]], done: Letterbox) -> NDArray[np.floating[Any]]:
    """Boxes (..., 4) found on the canvas, in xyxy pixels of it, as xyxy pixels of the picture; the dtype stays.

    The border is taken off, x = (x - left) * width / scaled_width and y = (y - top) * height / scaled_height: across
    and down each have a factor of their own, since each side was rounded on its own. What lies on the border comes to
    the picture's edge: x in [0, width], y in [0, height]. A picture of 100 x 300 pixels (height x width) on a square of
    64 became 21 x 64 with 21 rows of border above. The box [16, 21, 32, 42] is [75, 0, 150, 100].
    """
    # What was done, not what was asked for: the factors follow from the rounded sides.
    across, down = done.width / done.scaled_width, done.height / done.scaled_height
    offset = np.array([done.left, done.top, done.left, done.top])
    # First the border goes, then the scale.
    moved = (boxes - offset) * np.array([across, down, across, down])
    # A box that reaches into the border ends where the picture ends.
    edge = np.array([done.width, done.height, done.width, done.height])
    return np.asarray(np.clip(moved, 0, edge), dtype=boxes.dtype)
