"""Reading picture files into a network's input, for every pipeline that takes pictures."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from upslope.image import preprocess
from upslope.image.read import Picture, UnreadablePicture, pictures_in, read_picture
from upslope.image.resize import with_longest
from upslope.ship.pipelines.pipeline import UnreadableInput

Pictures = NDArray[np.float32]  # (C, H, W) or (N, C, H, W), in [0, 1]

DRAWN = 50  # answers in one figure: beyond 200 or so it is taller than a PNG may be
SMALL = 360  # pixels on the longer side of a picture in a figure


@dataclass(frozen=True)
class Shown:
    """A picture as it was found, and as the network is shown it."""

    path: Path
    seen: Pictures  # (C, H, W)
    picture: Picture | None  # a small one, of the first DRAWN: from a pipe it could not be read again


def read_pictures(words: Sequence[str], *, look: str, shape: tuple[int, ...]) -> Iterator[Shown | UnreadableInput]:
    """Each picture, prepared by the function `look` of `upslope.image.preprocess`; a folder stands for those in it."""
    kept = 0
    for path in _files(words):
        if isinstance(path, UnreadableInput):
            yield path
            continue
        try:
            picture = read_picture(path)
        except UnreadablePicture as problem:
            yield UnreadableInput(str(path), str(problem))
            continue
        small = with_longest(picture, min(SMALL, max(picture.shape))) if kept < DRAWN else None
        kept += 1
        yield Shown(path, prepared(picture, look=look, shape=shape), small)


def prepared(picture: Picture, *, look: str, shape: tuple[int, ...]) -> Pictures:
    """A picture as a network's data have them: of this shape (C, H, W), in [0, 1]."""
    channels, height, width = shape
    made = getattr(preprocess, look)(picture, height, width)
    if made.ndim == 2:
        made = np.repeat(made[:, :, np.newaxis], channels, axis=2)
    elif channels == 1:
        made = made.mean(axis=2, keepdims=True)
    return np.ascontiguousarray(made.transpose(2, 0, 1), dtype=np.float32)


def _files(words: Sequence[str]) -> Iterator[Path | UnreadableInput]:
    for path in map(Path, words):
        if not path.is_dir():
            yield path
            continue
        try:
            yield from pictures_in(path)
        except UnreadablePicture as problem:
            yield UnreadableInput(str(path), str(problem))
