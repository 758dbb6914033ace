"""Photographs to learn from, wherever they lie: a person's folder, a data set of the academy, a generated folder."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from upslope.cards import discover
from upslope.data.loading.own_pictures import OwnPictures, at_side, own_pictures
from upslope.runs.errors import ConfigProblem
from upslope.runs.progress import Bar

Progress = Callable[[float, str], AbstractContextManager[Bar]]


def photographs(name: str, *, images: str, side: int, seed: int, progress: Progress) -> OwnPictures:
    """The folder `images` where `name` is "own", a generated one for "toy", else the data set of that name."""
    rng = np.random.default_rng(seed)
    if name in ("own", "toy"):
        if name == "own" and not images:
            raise ConfigProblem("data=own needs images=FOLDER, a folder of yours with a folder for each class")
        with TemporaryDirectory() as generated, progress(1, "reading") as bar:
            folder = Path(images if name == "own" else generated)
            if name == "toy":
                write_toy(folder, rng=rng)
            found = own_pictures(folder, side=side, rng=rng, tick=lambda done, of: bar.update(done / of))
        return found if name == "own" else replace(found, paths={})
    load = discover("data")[name].load().load
    train, validation, test = (at_side(load(split), side) for split in ("train", "validation", "test"))
    return OwnPictures(train, validation, test, paths={})


def write_toy(folder: Path, *, rng: np.random.Generator, each: int = 60) -> None:
    """A folder as a person would make one: small coloured shapes of ten classes as PNG, `each` of a class."""
    module = discover("data")["cifar10_jpg_subset"].load()
    made = module.toy(rng=rng, count=each * len(module.CLASSES))
    for number, (image, label) in enumerate(zip(made["image"], made["label"], strict=True)):
        path = folder / f"shape {label + 1}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.rint(255 * image).astype(np.uint8)).save(path, compress_level=1)
