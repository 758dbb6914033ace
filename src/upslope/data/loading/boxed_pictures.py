"""Pictures with boxes at one size, in memory: what a detector trains on."""

import numpy as np

from upslope.data.loading.dataset import Dataset, Ragged
from upslope.data.loading.splits import splits
from upslope.features import Boxes, Image
from upslope.image.letterbox import GREY, letterbox, to_letterbox


def parts_at_size(name: str, *, height: int, width: int, rng: np.random.Generator) -> tuple[Dataset, Dataset, Dataset]:
    """Training, validation and test of a set with boxes, all at one size; "toy" is generated blood."""
    parts = splits(name, toy="bccd", rng=rng, counts=(320, 40, 60))
    train, validation, test = (at_size(part, height, width) for part in parts)
    return train, validation, test


def at_size(dataset: Dataset, height: int, width: int) -> Dataset:
    """Each picture in the middle of a canvas, as bytes, and its boxes where they then lie.

    The columns are `image` and `boxes`; others stay. What was 0 to 255 or 0 to 1 becomes 0 to 255.
    """
    images = np.empty((len(dataset), height, width, 3), dtype=np.uint8)
    boxes = []
    for number, (picture, own) in enumerate(zip(dataset["image"], dataset["boxes"], strict=True)):
        levels = picture if picture.dtype == np.uint8 else 255 * np.clip(picture, 0, 1)
        canvas, done = letterbox(levels, (height, width), fill=255 * GREY)
        images[number] = np.rint(canvas)
        boxes.append(to_letterbox(own, done))
    moved = Ragged(np.concatenate(boxes) if boxes else np.empty((0, 4), np.float32), dataset["boxes"].offsets)
    columns = {**dataset.columns, "image": images, "boxes": moved}
    return Dataset(columns, {**dataset.features, "image": Image((height, width, 3)), "boxes": Boxes("xyxy")})
