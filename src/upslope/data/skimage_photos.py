"""Seven of the photographs that come with scikit-image: an astronaut, a camera man, a cat, coffee, coins, and more.

S. van der Walt et al., "scikit-image: image processing in Python", 2014, https://doi.org/10.7717/peerj.453. They are
few, and nothing is learned from them: all are in one split.
"""

import numpy as np

from upslope.cards import DataCard, File
from upslope.data.loading.dataset import Dataset
from upslope.data.loading.fetch import get
from upslope.data.loading.photographs import photographs, scenes
from upslope.features import Image, Text
from upslope.runs.errors import DataProblem

CARD = DataCard(
    name="skimage_photos",
    title="Photographs of scikit-image",
    licence="public domain or CC0, each by its note in scikit-image",
    homepage="https://github.com/scikit-image/scikit-image",
    citation="van der Walt, S. et al. (2014). scikit-image: image processing in Python. PeerJ 2:e453",
    features={"image": Image(()), "title": Text()},
    splits={"train": 7, "validation": 0, "test": 0},
    files=(
        File(
            name="astronaut.png",
            sha256="88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
            size=791_555,
            urls=("https://github.com/scikit-image/scikit-image/raw/v0.25.0/skimage/data/astronaut.png",),
        ),
        File(
            name="camera.png",
            sha256="b0793d2adda0fa6ae899c03989482bff9a42d3d5690fc7e3648f2795d730c23a",
            size=139_512,
            urls=("https://github.com/scikit-image/scikit-image/raw/v0.25.0/skimage/data/camera.png",),
        ),
        File(
            name="chelsea.png",
            sha256="596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb",
            size=240_512,
            urls=("https://github.com/scikit-image/scikit-image/raw/v0.25.0/skimage/data/chelsea.png",),
        ),
        File(
            name="coffee.png",
            sha256="cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7",
            size=466_706,
            urls=("https://github.com/scikit-image/scikit-image/raw/v0.25.0/skimage/data/coffee.png",),
        ),
        File(
            name="coins.png",
            sha256="f8d773fc9cfa6f4d8e5942dc34d0a0788fcaed2a4fefbbed0aef5398d7ef4cba",
            size=75_825,
            urls=("https://github.com/scikit-image/scikit-image/raw/v0.25.0/skimage/data/coins.png",),
        ),
        File(
            name="retina.jpg",
            sha256="38a07f36f27f095e818aea7b96d34202c05176d30253c66733f2e00379e9e0e6",
            size=269_564,
            urls=("https://github.com/scikit-image/scikit-image/raw/v0.25.0/skimage/data/retina.jpg",),
        ),
        File(
            name="rocket.jpg",
            sha256="c2dd0de7c538df8d111e479619b129464d0269d0ae5fd18ca91d33a7fdfea95c",
            size=112_525,
            urls=("https://github.com/scikit-image/scikit-image/raw/v0.25.0/skimage/data/rocket.jpg",),
        ),
    ),
    note="all in one split; the other two are empty",
)


def load(split: str = "train", *, quiet: bool = False) -> Dataset:
    """A split; the photographs are all in "train". Fetched at the first use, decoded when asked for."""
    if split not in CARD.splits:
        raise DataProblem(f'skimage_photos has no split "{split}"; it has {", ".join(CARD.splits)}')
    names = [file.name for file in CARD.files][: CARD.splits[split]]
    folder = get(CARD, quiet=quiet)
    titles = tuple(name.partition(".")[0] for name in names)
    return Dataset({"image": photographs(folder, names), "title": titles}, CARD.features)


def toy(*, rng: np.random.Generator, count: int = 10) -> Dataset:
    """Boxes before clouds, generated, so that no file is needed."""
    titles = tuple(f"scene {number + 1}" for number in range(count))
    return Dataset({"image": scenes(count, rng=rng), "title": titles}, CARD.features)
