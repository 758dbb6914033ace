"""Three photographs and four paintings on which style transfer is shown.

J. Johnson, neural-style, 2015, https://github.com/jcjohnson/neural-style, an implementation of L. Gatys, A. Ecker,
M. Bethge, "A Neural Algorithm of Artistic Style", 2015, https://arxiv.org/abs/1508.06576; amber and udnie are from the
examples of PyTorch. They are few, and nothing is learned from them: all are in one split.
"""

import numpy as np

from upslope.cards import DataCard, File
from upslope.data.loading.dataset import Dataset
from upslope.data.loading.fetch import get
from upslope.data.loading.photographs import photographs, scenes
from upslope.features import ClassLabel, Image, Text
from upslope.runs.errors import DataProblem

KINDS = ("photograph", "painting")

CARD = DataCard(
    name="style_images",
    title="Photographs and paintings for style transfer",
    licence="the paintings are in the public domain; the photographs tubingen and golden_gate without a statement",
    homepage="https://github.com/jcjohnson/neural-style",
    citation="Johnson, J. (2015). neural-style. https://github.com/jcjohnson/neural-style",
    features={"image": Image(()), "title": Text(), "kind": ClassLabel(KINDS)},
    splits={"train": 7, "validation": 0, "test": 0},
    files=(
        File(
            name="content/amber.jpg",
            sha256="f1d583fd322c68de4d116408dcfcee3a137b53206fe7251313ec02ca8aa6d27c",
            size=108_086,
            urls=(
                "https://raw.githubusercontent.com/pytorch/examples/main/fast_neural_style/images/content-images/amber.jpg",
            ),
        ),
        File(
            name="content/golden_gate.jpg",
            sha256="f8476ac216e0d409af2e52bf82ad2cdc3433e23d7895e6f9b2048fc014ed57ba",
            size=102_100,
            urls=("https://raw.githubusercontent.com/jcjohnson/neural-style/master/examples/inputs/golden_gate.jpg",),
        ),
        File(
            name="content/tubingen.jpg",
            sha256="e67d1869f01fd805385c681a80d9ebcf0f70ea4a5fe6127f0606bb1c7f4bf506",
            size=406_531,
            urls=("https://raw.githubusercontent.com/jcjohnson/neural-style/master/examples/inputs/tubingen.jpg",),
        ),
        File(
            name="style/shipwreck.jpg",
            sha256="4f7cf34e3cd4a5daaf3f421f059ca9a01aaa2a3afd7243d6670c9c8bc001a213",
            size=144_730,
            urls=("https://raw.githubusercontent.com/jcjohnson/neural-style/master/examples/inputs/shipwreck.jpg",),
        ),
        File(
            name="style/starry_night.jpg",
            sha256="0592ab0f7b51b3ce72608a95e53880bd93971e5b48f93a0ce8dfd3cbccf3d098",
            size=315_236,
            urls=("https://raw.githubusercontent.com/jcjohnson/neural-style/master/examples/inputs/starry_night.jpg",),
        ),
        File(
            name="style/the_scream.jpg",
            sha256="f3075cddeb974a9ee1d6418f7f33fd05185a7ac7dcb4288bd2805d499a9dcaee",
            size=216_723,
            urls=("https://raw.githubusercontent.com/jcjohnson/neural-style/master/examples/inputs/the_scream.jpg",),
        ),
        File(
            name="style/udnie.jpg",
            sha256="270be68e7c6c282c9edb62ab7bcd345b1fb6b6cebb5d1f10d9a2d21915f69a8a",
            size=39_795,
            urls=(
                "https://raw.githubusercontent.com/pytorch/examples/main/fast_neural_style/images/style-images/udnie.jpg",
            ),
        ),
    ),
    note="all in one split; the other two are empty",
)


def load(split: str = "train", *, quiet: bool = False) -> Dataset:
    """A split; the pictures are all in "train". Fetched at the first use, decoded when asked for."""
    if split not in CARD.splits:
        raise DataProblem(f'style_images has no split "{split}"; it has {", ".join(CARD.splits)}')
    names = [file.name for file in CARD.files][: CARD.splits[split]]
    folder = get(CARD, quiet=quiet)
    titles = tuple(name.partition("/")[2].partition(".")[0] for name in names)
    kinds = np.array([int(name.startswith("style/")) for name in names], dtype=np.int64)
    return Dataset({"image": photographs(folder, names), "title": titles, "kind": kinds}, CARD.features)


def toy(*, rng: np.random.Generator, count: int = 10) -> Dataset:
    """Boxes before clouds, generated, so that no file is needed; every other one is called a painting."""
    titles = tuple(f"scene {number + 1}" for number in range(count))
    kinds = np.arange(count) % len(KINDS)
    return Dataset({"image": scenes(count, rng=rng), "title": titles, "kind": kinds}, CARD.features)
