"""Scenes: garments on brick, grass and gravel, put together so that the class and the number of every pixel are known.

Things are garments of Fashion-MNIST (H. Xiao et al. 2017, https://arxiv.org/abs/1708.07747), stuff are three textures
that come with scikit-image. No camera saw these scenes; their parts are real. Training, validation and test share no
garment and no piece of ground: the textures are cut into bands, and the garments are those of the parts of
Fashion-MNIST. A picture holds three to five garments of two kinds. What is neither garment nor ground is void.
"""

import numpy as np

from upslope.cards import DataCard, File
from upslope.data.loading.composed_scenes import drawn_grounds
from upslope.data.loading.composed_scenes import scenes as composed
from upslope.data.loading.dataset import Dataset
from upslope.data.loading.fetch import get
from upslope.data.loading.idx import read_idx
from upslope.data.loading.synthetic import GARMENTS, draw
from upslope.features import Image, Instances, Mask
from upslope.image.read import read_picture
from upslope.runs.errors import DataProblem

THINGS = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot")
NAMES = (
    "brick",
    "grass",
    "gravel",
    "T-shirt",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "boot",
    "void",
)
STUFF, VOID = NAMES[:3], NAMES.index("void")
ROWS = {"train": slice(0, 320), "validation": slice(320, 412), "test": slice(412, 512)}  # of each texture
SEEDS = {"train": 0, "validation": 1, "test": 2}
SCENES = 4.2  # garments for one scene, with some to spare

CARD = DataCard(
    name="scenes",
    title="Scenes: garments on brick, grass and gravel",
    licence="MIT (garments, Zalando), CC0 (textures of scikit-image)",
    homepage="https://github.com/zalandoresearch/fashion-mnist",
    citation="Xiao, H., Rasul, K., Vollgraf, R. (2017). Fashion-MNIST. arXiv:1708.07747",
    features={
        "image": Image(()),
        "mask": Mask(NAMES, things=THINGS),
        "instances": Instances("garment"),
    },
    splits={"train": 3000, "validation": 200, "test": 400},
    files=(
        File(
            name="train-images-idx3-ubyte.gz",
            sha256="3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            size=26421880,
            urls=("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/train-images-idx3-ubyte.gz",),
            mirror="fashion_mnist/train-images-idx3-ubyte.gz",
        ),
        File(
            name="train-labels-idx1-ubyte.gz",
            sha256="a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            size=29515,
            urls=("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/train-labels-idx1-ubyte.gz",),
            mirror="fashion_mnist/train-labels-idx1-ubyte.gz",
        ),
        File(
            name="brick.png",
            sha256="7966caf324f6ba843118d98f7a07746d22f6a343430add0233eca5f6eaaa8fcf",
            size=106_634,
            urls=("https://github.com/scikit-image/scikit-image/raw/v0.25.0/skimage/data/brick.png",),
            package="scikit-image:skimage/data/brick.png",
            mirror="skimage_photos/brick.png",
        ),
        File(
            name="grass.png",
            sha256="b6b6022426b38936c43a4ac09635cd78af074e90f42ffa8227ac8b7452d39f89",
            size=217_893,
            urls=("https://github.com/scikit-image/scikit-image/raw/v0.25.0/skimage/data/grass.png",),
            package="scikit-image:skimage/data/grass.png",
            mirror="skimage_photos/grass.png",
        ),
        File(
            name="gravel.png",
            sha256="c48615b451bf1e606fbd72c0aa9f8cc0f068ab7111ef7d93bb9b0f2586440c12",
            size=194_247,
            urls=("https://github.com/scikit-image/scikit-image/raw/v0.25.0/skimage/data/gravel.png",),
            package="scikit-image:skimage/data/gravel.png",
            mirror="skimage_photos/gravel.png",
        ),
    ),
    note="put together anew each time, always the same; validation and test have garments 50,001 and later of training",
)


def load(split: str = "train", *, quiet: bool = False) -> Dataset:
    """A split: "train", "validation" or "test". Bytes (80, 80), classes and numbers (80, 80)."""
    if split not in CARD.splits:
        raise DataProblem(f'{CARD.name} has no split "{split}"; it has {", ".join(CARD.splits)}')
    folder = get(CARD, quiet=quiet)
    garments = read_idx(folder / "train-images-idx3-ubyte.gz", (60_000, 28, 28))
    labels = read_idx(folder / "train-labels-idx1-ubyte.gz", (60_000,))
    grounds = [read_picture(folder / f"{name}.png").mean(axis=2)[ROWS[split]] for name in STUFF]
    count = CARD.splits[split]
    first = {"train": 0, "validation": 50_000, "test": 55_000}[split]
    part = slice(first, first + int(count * SCENES) + 200)
    images, masks, instances = composed(
        garments[part] / np.float32(255),
        labels[part].astype(np.int64),
        grounds,
        void=VOID,
        rng=np.random.default_rng(SEEDS[split]),
    )
    return Dataset(
        {"image": images[:count], "mask": masks[:count], "instances": instances[:count]},
        CARD.features,
    )


def toy(*, rng: np.random.Generator, count: int = 16) -> Dataset:
    """Garments and grounds that a program draws: generated, so they need no file."""
    labels = np.resize(np.arange(len(THINGS)), 5 * count + 50)
    garments = draw(GARMENTS, labels, size=28, rng=rng, filled=True)
    images, masks, instances = composed(garments, labels, drawn_grounds(rng=rng), void=VOID, rng=rng)
    return Dataset({"image": images[:count], "mask": masks[:count], "instances": instances[:count]}, CARD.features)
