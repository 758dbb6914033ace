"""Pictures with boxes at one size, in memory: what a detector trains on."""

import numpy as np

from upslope.data.loading.dataset import Dataset, Ragged
from upslope.features import Boxes, Image
from upslope.image.letterbox import letterbox, to_letterbox


def at_size(dataset: Dataset, height: int, width: int) -> Dataset:
    """Each picture in the middle of a canvas, as bytes, and its boxes where they then lie.

    The columns are `image` and `boxes`; others stay. What was 0 to 255 or 0 to 1 becomes 0 to 255.
    """
    images = np.empty((len(dataset), height, width, 3), dtype=np.uint8)
    boxes = []
    for number, (picture, own) in enumerate(zip(dataset["image"], dataset["boxes"], strict=True)):
        pixels = picture / np.float32(255) if picture.dtype == np.uint8 else picture
        canvas, done = letterbox(pixels.astype(np.float32), (height, width))
        images[number] = np.rint(255 * np.clip(canvas, 0, 1))
        boxes.append(to_letterbox(own, done))
    moved = Ragged(np.concatenate(boxes) if boxes else np.empty((0, 4), np.float32), dataset["boxes"].offsets)
    columns = {**dataset.columns, "image": images, "boxes": moved}
    return Dataset(columns, {**dataset.features, "image": Image((height, width, 3)), "boxes": Boxes("xyxy")})
