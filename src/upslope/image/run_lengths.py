"""Masks as run lengths, as COCO's JSON has them uncompressed: column by column, zeros first, in turns."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def encode(mask: NDArray[np.bool_]) -> dict[str, Any]:
    """{"size": [height, width], "counts": [...]}: so many 0, then so many 1, then so many 0, down the columns."""
    flat = np.concatenate([[False], mask.ravel(order="F"), [False]])
    # The first run is of zeros, and may be empty.
    changes = np.flatnonzero(flat[1:] != flat[:-1])
    edges = np.concatenate([[0], changes, [mask.size]])
    counts = np.diff(edges).tolist()
    if len(changes) and changes[-1] == mask.size:
        counts.pop()  # the run that ends the picture is of ones: nothing follows it
    return {"size": list(mask.shape), "counts": counts}


def decode(runs: dict[str, Any]) -> NDArray[np.bool_]:
    """The inverse."""
    height, width = runs["size"]
    values = np.arange(len(runs["counts"])) % 2 == 1
    flat = np.repeat(values, runs["counts"])
    if flat.size != height * width:
        raise ValueError(f"the counts sum to {flat.size}, and the mask has {height} x {width} pixels")
    return flat.reshape((height, width), order="F")
