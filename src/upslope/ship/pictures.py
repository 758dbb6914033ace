"""Reading picture files into a network's input, for every pipeline that takes pictures."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from upslope.image import preprocess
from upslope.image.read import SUFFIXES, Picture, UnreadablePicture, pictures_in, read_file
from upslope.image.resize import with_longest
from upslope.runs.workspace import short
from upslope.ship.left_out import left_out
from upslope.ship.pipelines.pipeline import Remark, UnreadableInput

Pictures = NDArray[np.float32]  # (C, H, W) or (N, C, H, W), in [0, 1]

DRAWN = 50  # answers in one figure: beyond 200 or so it is taller than a PNG may be
SMALL = 360  # pixels on the longer side of a picture in a figure


@dataclass(frozen=True)
class Shown:
    """A picture as it was found, and as the network is shown it."""

    path: Path
    seen: Pictures  # (C, H, W)
    picture: Picture | None  # a small one, of the first DRAWN: from a pipe it could not be read again
    notes: tuple[str, ...] = ()  # what of the file was not looked at, in sentences
    crowded: str = ""  # a sentence where the picture shows more than one thing


def read_pictures(
    words: Sequence[str], *, look: str, shape: tuple[int, ...], levels: int = 0
) -> Iterator[Shown | UnreadableInput | Remark]:
    """Each picture, prepared by the function `look` of `upslope.image.preprocess`; a folder stands for those in it."""
    kept = 0
    for opened in opened_pictures(words):
        if isinstance(opened, UnreadableInput | Remark):
            yield opened
            continue
        path, picture, notes = opened
        small = with_longest(picture, min(SMALL, max(picture.shape))) if kept < DRAWN else None
        kept += 1
        crowd: list[str] = []
        seen = prepared(picture, look=look, shape=shape, levels=levels, crowd=crowd)
        yield Shown(path, seen, small, notes, "".join(f"{short(path)} shows {said}" for said in crowd[:1]))


def prepared(
    picture: Picture, *, look: str, shape: tuple[int, ...], levels: int = 0, crowd: list[str] | None = None
) -> Pictures:
    """A picture as a network's data have them: of this shape (C, H, W), in [0, 1].

    `levels` says that those data are whole numbers from 0 to so many: the picture is rounded as they were.
    `crowd` is told where the picture shows several things: "2 characters, and the left one was read".
    """
    channels, height, width = shape
    told = {} if look in ("photo", "whole", "portrait") else {"crowd": crowd}
    made = getattr(preprocess, look)(picture, height, width, **told)
    if made.ndim == 2:
        made = np.repeat(made[:, :, np.newaxis], channels, axis=2)
    elif channels == 1:
        made = made.mean(axis=2, keepdims=True)
    if levels:
        made = np.rint(levels * made) / np.float32(levels)
    return np.ascontiguousarray(made.transpose(2, 0, 1), dtype=np.float32)


def opened_pictures(
    words: Sequence[str],
) -> Iterator[tuple[Path, Picture, tuple[str, ...]] | UnreadableInput | Remark]:
    """Each picture that these words name, as it is, and sentences on what of its file is not looked at."""
    for path in _files(words):
        if isinstance(path, UnreadableInput | Remark):
            yield path
            continue
        try:
            found = read_file(path)
        except UnreadablePicture as problem:
            yield UnreadableInput(str(path), str(problem))
            continue
        more = f"{short(path)} holds {found.frames} pictures, and the first is looked at"
        yield path, found.picture, (more,) * (found.frames > 1)


def _files(words: Sequence[str]) -> Iterator[Path | UnreadableInput | Remark]:
    """The files that these words name; a folder stands for the pictures in it."""
    for path in map(Path, words):
        if not path.is_dir():
            yield path
            continue
        try:
            yield from pictures_in(path)
            if others := left_out(path, SUFFIXES):
                yield others
        except UnreadablePicture as problem:
            yield UnreadableInput(str(path), str(problem))
