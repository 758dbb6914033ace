"""ISBI 2012: slices of a fly's nervous system under the electron microscope, with every membrane traced.

I. Arganda-Carreras et al., "Crowdsourcing the creation of image segmentation algorithms for connectomics", 2015,
https://doi.org/10.3389/fnana.2015.00142; A. Cardona et al., 2010. 30 slices of 512 x 512 pixels; the labels of the
challenge's other 30 are not public. The first 20 are training here, then 5 validation and 5 test.
"""

from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from upslope.cards import DataCard, File
from upslope.data.loading.archives import contents
from upslope.data.loading.dataset import Dataset
from upslope.data.loading.fetch import get
from upslope.data.loading.masks import classes_of
from upslope.features import Image, Mask
from upslope.runs.errors import DataProblem

NAMES = ("cell", "membrane")
SLICES = {"train": range(20), "validation": range(20, 25), "test": range(25, 30)}
SIDE = 512  # pixels

CARD = DataCard(
    name="isbi2012_membrane",
    title="ISBI 2012, membranes",
    licence="none stated; free for research, cite Arganda-Carreras et al. 2015",
    homepage="https://imagej.net/events/isbi-2012-segmentation-challenge",
    citation="Arganda-Carreras, I. et al. (2015). Crowdsourcing the creation of image segmentation algorithms",
    features={"image": Image(()), "mask": Mask(NAMES)},
    splits={"train": 20, "validation": 5, "test": 5},
    files=(
        File(
            name="membrane_train.zip",
            sha256="e054aab30adefe152c40ee8a0521bdea63cf784f72bb140f4cd7a4a07fcd44b6",
            size=6_503_645,
        ),
    ),
    note="packed for a mirror: PNG slices of the TIFF stacks, from github.com/zhixuhao/unet, commit b45af4d45843",
)


def load(split: str = "train", *, quiet: bool = False) -> Dataset:
    """A split: "train", "validation" or "test"; pixels (512, 512) as bytes, membranes are class 1."""
    if split not in SLICES:
        raise DataProblem(f'{CARD.name} has no split "{split}"; it has {", ".join(SLICES)}')
    path = get(CARD, quiet=quiet) / CARD.files[0].name

    def pictures(kind: str) -> NDArray[np.uint8]:
        names = [f"data/membrane/train/{kind}/{number}.png" for number in SLICES[split]]
        return np.stack([_decoded(content) for content in contents(path, names)])

    # In the file a membrane is black, and what lies between is white.
    masks = classes_of(pictures("label"), {255: 0, 0: 1}, name=f"label of {CARD.name}", nearest=True)
    return Dataset({"image": pictures("image"), "mask": masks}, CARD.features)


def toy(*, rng: np.random.Generator, count: int = 16) -> Dataset:
    """Cells around random middles, dark where two of them meet: generated, 64 x 64 pixels, so they need no file."""
    y, x = np.mgrid[:64, :64]
    middles = rng.uniform(-8, 72, (count, 24, 2))
    away = np.hypot(y - middles[..., :1, None], x - middles[..., 1:, None])  # (count, 24, 64, 64)
    two = np.sort(away, axis=1)[:, :2]
    masks = (two[:, 1] - two[:, 0] < 2.5).astype(np.uint8)
    images = 0.75 - 0.4 * masks + rng.normal(scale=0.12, size=masks.shape)
    return Dataset({"image": np.clip(images, 0, 1).astype(np.float32), "mask": masks}, CARD.features)


def _decoded(content: bytes) -> NDArray[np.uint8]:
    from PIL import Image as Pillow

    return np.asarray(Pillow.open(BytesIO(content)).convert("L"))
