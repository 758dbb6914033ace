"""Painted pictures, clips and camera images: every frame through a network, and how long each stage takes.

A frame waits for the one before: the network takes nearly all of the time, so nothing is gained by reading and writing
meanwhile. Each frame is normalized by its own contrast, as in training.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from upslope.apps.detect import Rates
from upslope.apps.frames import Clip, Footage, Frame
from upslope.image.color_spaces import rgb_to_ycbcr, ycbcr_to_rgb
from upslope.image.resize import with_longest
from upslope.ship.pipelines.image_to_image import ImageToImage

STAGES = ("decode", "network", "mix", "encode")


@dataclass(frozen=True)
class Manner:
    """By which networks frames are painted, and how.

    With a second one the levels are a mean of both pictures: `share` of it is the second's, in [0, 1]. With
    `keep_colors` the brightness is painted and the colors are the frame's own (L. Gatys et al. 2016, "Preserving Color
    in Neural Artistic Style Transfer", https://arxiv.org/abs/1606.05897, section 5). `longest` bounds the longer side.
    """

    first: ImageToImage
    second: ImageToImage | None = None
    share: float = 0.0
    keep_colors: bool = False
    longest: int = 0  # pixels; 0: as they come


def paint(
    manner: Manner,
    footage: Footage,
    *,
    clip: Clip | None = None,
    each: Callable[[Frame], None] | None = None,
    most: int | None = None,
) -> Rates:
    """Paint every frame of some footage, at most `most`, into `clip`, and hand it to `each`. Ctrl-C ends it."""
    rates = Rates(stages={name: [] for name in STAGES})
    frames, began = iter(footage.frames), time.perf_counter()
    try:
        with suppress(KeyboardInterrupt):
            while most is None or rates.frames < most:
                with _timed(rates, "decode"):
                    frame = next(frames, None)
                if frame is None:
                    rates.stages["decode"].pop()
                    rates.to_the_end = True
                    break
                made = _painted(manner, frame, rates)
                rates.frames += 1
                with _timed(rates, "encode"):
                    if clip is not None:
                        clip.add(made)
                    if each is not None:
                        each(made)
    finally:
        rates.seconds = time.perf_counter() - began
        if clip is not None:
            clip.close()
    return rates


def _painted(manner: Manner, frame: Frame, rates: Rates) -> Frame:
    with _timed(rates, "mix"):
        pixels = frame.astype(np.float32) / 255
        if manner.longest and max(pixels.shape[:2]) > manner.longest:
            pixels = with_longest(pixels, manner.longest)
        channels = np.ascontiguousarray(pixels.transpose(2, 0, 1))
    with _timed(rates, "network"):
        made = manner.first.painted(channels)
        if manner.second is not None and manner.share:
            made = (1 - manner.share) * made + manner.share * manner.second.painted(channels)
    with _timed(rates, "mix"):
        painted = _bytes(made.transpose(1, 2, 0))
        return with_colors_of(_bytes(pixels), painted) if manner.keep_colors else painted


def with_colors_of(frame: Frame, painted: Frame) -> Frame:
    """The brightness of what was painted, the blue and red differences of the frame."""
    colors = rgb_to_ycbcr(frame)
    colors[..., 0] = rgb_to_ycbcr(painted)[..., 0]
    return ycbcr_to_rgb(colors)


def _bytes(pixels: NDArray[np.float32]) -> Frame:
    return np.ascontiguousarray(np.rint(255 * np.clip(pixels, 0, 1)).astype(np.uint8))


@contextmanager
def _timed(rates: Rates, stage: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    rates.stages[stage].append(time.perf_counter() - began)
