"""BCCD: photographs of blood through a microscope, with a box around every cell and platelet.

S. Cheng et al., "BCCD Dataset", 2017, https://github.com/Shenggan/BCCD_Dataset: 364 photographs of 640 x 480 pixels,
4,888 boxes in Pascal VOC's files, in its own parts. Two boxes without area are left out.
"""

from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from upslope.cards import DataCard, File
from upslope.data.loading.archives import contents, member, zipped
from upslope.data.loading.dataset import Dataset
from upslope.data.loading.fetch import get
from upslope.data.loading.toy_cells import cells
from upslope.data.loading.voc import annotation, columns
from upslope.features import Boxes, ClassLabel, Image, Sequence
from upslope.runs.errors import DataProblem

CLASSES = ("RBC", "WBC", "Platelets")
LISTS = {"train": "train", "validation": "val", "test": "test"}

CARD = DataCard(
    name="bccd",
    title="BCCD blood cells",
    licence="MIT",
    homepage="https://github.com/Shenggan/BCCD_Dataset",
    citation="Cheng, S. et al. (2017). BCCD Dataset",
    features={"image": Image(()), "boxes": Boxes("xyxy"), "label": Sequence(of=ClassLabel(CLASSES))},
    splits={"train": 205, "validation": 87, "test": 72},
    files=(
        File(
            name="BCCD.zip",
            sha256="55ce66f0e06c94285f6273123f583b2f1378f4a16cf8dca95c621ea0dff5bf6b",
            size=7_764_918,
        ),
    ),
    note=(
        "packed for a mirror from commit d272fb14cdff, folder BCCD; a red blood cell without area in each of "
        "BloodImage_00338 (validation) and BloodImage_00343 (train) is left out"
    ),
)


def load(split: str = "train", *, quiet: bool = False) -> Dataset:
    """A split: "train", "validation" or "test". Photographs are decoded when they are asked for: (480, 640, 3)."""
    if split not in CARD.splits:
        raise DataProblem(f'{CARD.name} has no split "{split}"; it has {", ".join(CARD.splits)}')
    path = get(CARD, quiet=quiet) / CARD.files[0].name
    names = member(path, f"BCCD/ImageSets/Main/{LISTS[split]}.txt").decode().split()
    files = [f"BCCD/Annotations/{name}.xml" for name in names]
    said = [annotation(text, CLASSES, name=name) for text, name in zip(contents(path, files), files, strict=True)]
    images = zipped(path, tuple(f"BCCD/JPEGImages/{name}.jpg" for name in names), _decoded)
    return Dataset({"image": images, **columns(said)}, CARD.features)


def toy(*, rng: np.random.Generator, count: int = 60) -> Dataset:
    """Pale discs, a large dark blob, small dark dots: generated, 72 x 96 pixels, so they need no file."""
    images, said = cells(count, rng=rng)
    return Dataset({"image": images, **columns(said)}, CARD.features)


def _decoded(file: BytesIO) -> NDArray[np.uint8]:
    from PIL import Image as Pillow

    return np.asarray(Pillow.open(file).convert("RGB"))
