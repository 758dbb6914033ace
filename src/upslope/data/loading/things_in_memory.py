"""Pictures with instances, in memory, as a network that tells things apart trains on them."""

import numpy as np

from upslope.data.loading.dataset import Dataset, Lazy
from upslope.data.loading.splits import splits
from upslope.features import Image, Instances, Mask
from upslope.image.touching import border_distance, stretched

COUNTS = (60, 8, 16)  # generated pictures in the three parts


def parts_with_distances(name: str, *, rng: np.random.Generator) -> tuple[Dataset, Dataset, Dataset]:
    """Training, validation and test of a set with instances; "toy" is generated nuclei."""
    train, validation, test = (with_distances(part) for part in splits(name, toy="dsb2018", rng=rng, counts=COUNTS))
    return train, validation, test


def with_distances(dataset: Dataset) -> Dataset:
    """Each picture decoded once: its levels stretched to [0, 1], and the distance of each pixel to its thing's border.

    The distance is that on the whole picture: what a square cuts off later does not become a border. The columns are
    `image`, `instances` and `distance`; pictures keep their sizes.
    """
    instances = list(dataset["instances"])
    columns = {
        "image": [stretched(picture) for picture in dataset["image"]],
        "instances": instances,
        "distance": [border_distance(labels) for labels in instances],
    }
    kept = {name: Lazy(values, np.asarray) for name, values in columns.items()}
    return Dataset(kept, {**dataset.features, "image": Image(()), "distance": Image(())})


def parts_with_classes(name: str, *, rng: np.random.Generator) -> tuple[Dataset, Dataset, Dataset]:
    """Training, validation and test of a set whose pixels have a class and things a number; "toy" is generated scenes.

    The columns are `image`, levels stretched to [0, 1], `mask` and `instances`. Where a set knows instances only, they
    are the one class of things, and "background" is stuff.
    """
    train, validation, test = (with_classes(part) for part in splits(name, toy="scenes", rng=rng, counts=COUNTS))
    return train, validation, test


def with_classes(dataset: Dataset) -> Dataset:
    """Each picture decoded once, with the class of each pixel."""
    instances = list(dataset["instances"])
    thing = dataset.features["instances"]
    assert isinstance(thing, Instances)
    kinds = dataset.features.get("mask", Mask(("background", thing.name), things=(thing.name,)))
    masks = list(dataset["mask"]) if "mask" in dataset.features else [(labels > 0).astype(int) for labels in instances]
    columns = {"image": [stretched(picture) for picture in dataset["image"]], "mask": masks, "instances": instances}
    kept = {name: Lazy(values, np.asarray) for name, values in columns.items()}
    return Dataset(kept, {"image": Image(()), "mask": kinds, "instances": thing})
