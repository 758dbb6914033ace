"""Masks as files have them, with 0 and 255 or any other numbers, to classes from 0 on."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
