"""Instances as a folder of masks holds them: a file for each thing, white where it is."""

from collections.abc import Iterable
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from upslope.runs.errors import DataProblem

WHITE = 255


def label_map(masks: Iterable[tuple[str, bytes]], shape: tuple[int, int]) -> NDArray[np.int32]:
    """The number of the thing at each pixel, (height, width): 0 for none, k for that of the k-th file.

    A thing is what its file says, in one piece or in several. Files are named pictures of `shape` whose pixels are 0
    and 255 (or palettes and 1-bit pictures of these two); a file that is something else, has no white, or claims a
    pixel that another one has, is refused with a DataProblem.
    """
    from PIL import Image as Pillow

    labels = np.zeros(shape, dtype=np.int32)
    for number, (name, content) in enumerate(masks, start=1):
        try:
            mask = np.asarray(Pillow.open(BytesIO(content)).convert("L"))
        except (OSError, ValueError, Pillow.DecompressionBombError) as error:
            raise DataProblem(f"{name} is no picture that can be read: {error}") from None
        if mask.shape != shape:
            raise DataProblem(
                f"{name} has {' x '.join(map(str, mask.shape))} pixels, its picture {shape[0]} x {shape[1]}"
            )
        here = mask == WHITE
        if not (here | (mask == 0)).all():
            raise DataProblem(f"{name} holds {int(mask[~here & (mask != 0)][0])}, and its numbers are 0, {WHITE}")
        if not here.any():
            raise DataProblem(f"{name} shows nothing: no pixel is {WHITE}")
        if labels[here].any():
            raise DataProblem(f"{name} claims {int((labels[here] > 0).sum())} pixels that another mask has")
        labels[here] = number
    return labels
