"""DSB 2018: nuclei under fluorescence microscopes, each with a mask of its own.

J. Caicedo et al., "Nucleus segmentation across imaging experiments: the 2018 Data Science Bowl", 2019,
https://doi.org/10.1038/s41592-019-0612-7: of its first test stage the 51 pictures with files of at most 200,000 bytes,
grey, bright on dark, from 239 x 390 to 640 x 512 pixels, 3,040 nuclei. Tissue in stain has larger files: none is here.

The parts are fixed. Pictures are put in order by width, height and kind of file, which tell the microscopes apart, then
by name; of each four the second is a test picture (13), and of each ten the third is a validation picture (5), so that
sparse and crowded ones, small and large ones are in every part.
"""

from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from upslope.cards import DataCard, File
from upslope.data.loading.archives import contents, members
from upslope.data.loading.dataset import Dataset, Lazy
from upslope.data.loading.fetch import get
from upslope.data.loading.instance_masks import label_map
from upslope.data.loading.toy_nuclei import nuclei
from upslope.features import Image, Instances
from upslope.runs.errors import DataProblem

PARTS = {"test": range(1, 51, 4), "validation": range(2, 51, 10)}
HEADER = slice(16, 26)  # of a PNG: width, height, bits, grey or color, with or without transparency

CARD = DataCard(
    name="dsb2018",
    title="DSB 2018 nuclei",
    licence="none stated by the mirror; BBBC038v1 of the Broad Institute, published as CC0",
    homepage="https://bbbc.broadinstitute.org/BBBC038",
    citation="Caicedo, J. et al. (2019). Nucleus segmentation across imaging experiments",
    features={"image": Image(()), "instances": Instances("nucleus")},
    splits={"train": 33, "validation": 5, "test": 13},
    files=(
        File(
            name="stage1_test_subset.zip",
            sha256="96fc50054102c488cae87e783fd0821e2a6d1feafe96b95fffbbfce803c8338e",
            size=5_968_977,
        ),
    ),
    note="packed for a mirror: 51 of 65 pictures of github.com/yuanqing811/DSB2018_stage1_test, commit ee7c37eb666b",
)


def load(split: str = "train", *, quiet: bool = False) -> Dataset:
    """A split: "train", "validation" or "test". Grey bytes (H, W) and numbers (H, W), decoded when asked for."""
    if split not in CARD.splits:
        raise DataProblem(f'{CARD.name} has no split "{split}"; it has {", ".join(CARD.splits)}')
    path = get(CARD, quiet=quiet) / CARD.files[0].name
    files = members(path, suffix=".png")
    pictures = [name for name in files if "/images/" in name]
    headers = [content[HEADER] for content in contents(path, pictures)]
    ordered = [name for _, name in sorted(zip(headers, pictures, strict=True))]
    elsewhere = {k for part in PARTS.values() for k in part}
    chosen = [name for k, name in enumerate(ordered) if k in PARTS.get(split, set(range(51)) - elsewhere)]

    def picture(name: str) -> NDArray[np.uint8]:
        return _decoded(next(contents(path, (name,))))

    def instances(name: str) -> NDArray[np.int32]:
        folder = name.partition("images/")[0] + "masks/"
        masks = sorted((file for file in files if file.startswith(folder)), key=_number)
        return label_map(zip(masks, contents(path, masks), strict=True), picture(name).shape)

    return Dataset({"image": Lazy(chosen, picture), "instances": Lazy(chosen, instances)}, CARD.features)


def toy(*, rng: np.random.Generator, count: int = 16) -> Dataset:
    """Bright blobs that touch: generated, 64 x 64 pixels, so they need no file."""
    images, instances = nuclei(count, rng=rng)
    return Dataset({"image": images, "instances": instances}, CARD.features)


def _decoded(content: bytes) -> NDArray[np.uint8]:
    """Grey from equal channels; whether it is transparent tells nothing."""
    from PIL import Image as Pillow

    return np.asarray(Pillow.open(BytesIO(content)).convert("L"))


def _number(name: str) -> int:
    return int(name.rpartition("_")[2].removesuffix(".png"))
