"""Masks as files have them, with 0 and 255 or any other numbers, to classes from 0 on."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from upslope.image.read import UnreadablePicture, read_picture
from upslope.runs.errors import DataProblem


def classes_of(
    masks: NDArray[np.integer[Any]], classes: Mapping[int, int], *, name: str, nearest: bool = False
) -> NDArray[np.uint8]:
    """The class of each pixel; `classes` says which number of the file stands for which. `name`: for what is said.

    A number that stands for none is refused: a mask that was resized or stored as JPEG holds numbers between the real
    ones. `nearest` takes the nearest real one instead, for sets that are known to hold such.
    """
    known = np.array(sorted(classes))
    table = np.array([classes[int(value)] for value in known], dtype=np.uint8)
    place = np.searchsorted(known, masks).clip(0, len(known) - 1)
    if nearest:
        before = (place - 1).clip(0)
        closer = np.abs(masks - known[before].astype(int)) < np.abs(masks - known[place].astype(int))
        return np.asarray(table[np.where(closer, before, place)])
    strange = masks != known[place]
    if strange.any():
        value = int(masks[strange][0])
        meant = ", ".join(str(each) for each in known[:6]) + (" ..." if len(known) > 6 else "")
        raise DataProblem(f"a {name} holds {value}, and its numbers are {meant}")
    return np.asarray(table[place])


def read_mask(path: Path, *, classes: int) -> NDArray[np.int64]:
    """The class of each pixel (H, W) of a person's own mask; UnreadablePicture where it cannot be told.

    Numbers below `classes` are classes, as grey levels or behind a palette of colours. Otherwise levels of grey are,
    the brightest first: where two are drawn, 0 and 255, what is dark is what was traced.
    """
    picture = read_picture(path)
    numbers = _behind_colours(path)
    if numbers is not None:
        if numbers.max() >= classes:
            raise UnreadablePicture(
                f"{path.name} holds {numbers.max()} behind its colours, and the classes are 0 to {classes - 1}"
            )
        return numbers
    colours = np.rint(255 * picture).astype(np.int64)
    grey = colours[..., 0]
    if (colours != grey[..., None]).any():
        raise UnreadablePicture(f"{path.name} is in colour: a mask holds classes as numbers, or levels of grey")
    levels = np.unique(grey)
    if levels[-1] < classes:
        return grey
    if len(levels) > classes:
        raise UnreadablePicture(
            f"{path.name} has {len(levels)} levels of grey, and a mask of {classes} classes has at most that many"
        )
    return np.asarray(len(levels) - 1 - np.searchsorted(levels, grey))


def _behind_colours(path: Path) -> NDArray[np.int64] | None:
    """The numbers that a palette gives colours to; None where there is no palette, or one of greys."""
    from PIL import Image as Pillow

    with Pillow.open(path) as image:
        if image.mode != "P":
            return None
        numbers = np.asarray(image, dtype=np.int64)
        palette = np.asarray(image.convert("RGB"))
    return None if (palette == palette[..., :1]).all() else numbers
