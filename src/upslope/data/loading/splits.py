"""The three parts of a data set as a lab asks for them, by name."""

from types import ModuleType

import numpy as np

from upslope.cards import discover
from upslope.data.loading.dataset import Dataset


def splits(
    name: str, *, toy: str, rng: np.random.Generator, counts: tuple[int, int, int] = (1000, 200, 500)
) -> tuple[Dataset, Dataset, Dataset]:
    """Training, validation and test data of the set `name`; "toy" generates `counts` samples like those of `toy`."""
    sets = discover("data")
    if name == "toy":
        module: ModuleType = sets[toy].load()
        train, validation, test = (module.toy(rng=rng, count=count) for count in counts)
        return train, validation, test
    module = sets[name].load()
    return module.load("train"), module.load("validation"), module.load("test")
