"""Flickr8k, a few: 110 photographs of people and animals, 224 x 224 pixels, without their captions.

M. Hodosh, P. Young, J. Hockenmaier, "Framing Image Description as a Ranking Task", 2013,
https://doi.org/10.1613/jair.3994; resized to squares by https://github.com/RlNZLER/Image-Text-Matching.
"""

from io import BytesIO

import numpy as np

from upslope.cards import DataCard, File
from upslope.data.loading.archives import contents, members
from upslope.data.loading.dataset import Dataset
from upslope.data.loading.fetch import get
from upslope.data.loading.photographs import scenes
from upslope.features import Image
from upslope.runs.errors import DataProblem

SHA256 = "44cf6cdbab0cd6f3bb93e2655992d0dfcc5ca15b46589ac94397dad70cf4f974"

CARD = DataCard(
    name="flickr8k_224_subset",
    title="Flickr8k, 110 photographs",
    licence="for research and education only, not commercial; the photographs under Flickr's terms",
    homepage="https://hockenmaier.cs.illinois.edu/8k-pictures.html",
    citation="Hodosh, M., Young, P. and Hockenmaier, J. (2013). Framing Image Description as a Ranking Task. JAIR 47",
    features={"image": Image((224, 224, 3))},
    splits={"train": 90, "validation": 8, "test": 12},
    files=(File("flickr8k_dev_images_224_subset.zip", SHA256, size=2_999_314),),
    note="packed for a mirror from commit 56a15d913c3f; split by the order of their names",
)


def load(split: str = "train", *, quiet: bool = False) -> Dataset:
    """A split: "train", "validation" or "test"; the names in order, 90, 8 and 12."""
    if split not in CARD.splits:
        raise DataProblem(f'{CARD.name} has no split "{split}"; it has {", ".join(CARD.splits)}')
    from PIL import Image as Pillow

    path = get(CARD, quiet=quiet) / CARD.files[0].name
    first = {"train": 0, "validation": 90, "test": 98}[split]
    files = contents(path, sorted(members(path, suffix=".jpg"))[first : first + CARD.splits[split]])
    images = np.stack([np.asarray(Pillow.open(BytesIO(file)).convert("RGB")) for file in files])
    return Dataset({"image": images}, CARD.features)


def toy(*, rng: np.random.Generator, count: int = 24) -> Dataset:
    """Boxes before clouds, generated, so that no file is needed."""
    return Dataset({"image": scenes(count, rng=rng, height=224, width=224)}, CARD.features)
