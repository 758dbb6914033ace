"""Fashion-MNIST: 70,000 garments of 28 x 28 pixels, in the format of MNIST, and harder.

H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning Algorithms",
2017, https://arxiv.org/abs/1708.07747. The last 5,000 of the 60,000 training images are set aside for validation.
"""

import numpy as np

from upslope.cards import DataCard, File
from upslope.data.loading.dataset import Dataset
from upslope.data.loading.idx import load_split
from upslope.data.loading.synthetic import GARMENTS, draw
from upslope.features import ClassLabel, Image

CLASSES = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot")
SIDE = 28  # pixels

CARD = DataCard(
    name="fashion_mnist",
    title="Fashion-MNIST (Zalando)",
    licence="MIT",
    homepage="https://github.com/zalandoresearch/fashion-mnist",
    citation="Xiao, H., Rasul, K., Vollgraf, R. (2017). Fashion-MNIST. arXiv:1708.07747",
    features={
        "image": Image((SIDE, SIDE), look="product"),
        "label": ClassLabel(CLASSES),
    },
    splits={"train": 55000, "validation": 5000, "test": 10000},
    files=(
        File(
            name="train-images-idx3-ubyte.gz",
            sha256="3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            size=26421880,
            urls=("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/train-images-idx3-ubyte.gz",),
        ),
        File(
            name="train-labels-idx1-ubyte.gz",
            sha256="a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            size=29515,
            urls=("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/train-labels-idx1-ubyte.gz",),
        ),
        File(
            name="t10k-images-idx3-ubyte.gz",
            sha256="346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            size=4422102,
            urls=("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/t10k-images-idx3-ubyte.gz",),
        ),
        File(
            name="t10k-labels-idx1-ubyte.gz",
            sha256="67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            size=5148,
            urls=("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/t10k-labels-idx1-ubyte.gz",),
        ),
    ),
    note="validation is the last 5,000 of the 60,000 training images",
)


def load(split: str = "train", *, quiet: bool = False) -> Dataset:
    """A split: "train", "validation" or "test". Fetched at the first use."""
    return load_split(CARD, split, quiet=quiet)


def toy(*, rng: np.random.Generator, count: int = 600) -> Dataset:
    """Garments drawn as areas on the same grid: generated, so they need no file."""
    labels = rng.permutation(np.arange(count) % len(CLASSES))
    return Dataset({"image": draw(GARMENTS, labels, size=SIDE, rng=rng, filled=True), "label": labels}, CARD.features)
