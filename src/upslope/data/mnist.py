"""MNIST: 70,000 handwritten digits of 28 x 28 pixels.

Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-Based Learning Applied to Document Recognition", 1998,
http://yann.lecun.com/exdb/lenet/. The last 5,000 of the 60,000 training images are set aside for validation, on which
every choice is made; the 10,000 test images are for the last number only.
"""

import numpy as np

from upslope.cards import DataCard, File
from upslope.data.loading.dataset import Dataset
from upslope.data.loading.idx import load_split
from upslope.data.loading.synthetic import DIGITS, draw
from upslope.features import ClassLabel, Image

CLASSES = ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9")
SIDE = 28  # pixels

CARD = DataCard(
    name="mnist",
    title="MNIST handwritten digits (LeCun, Cortes, Burges)",
    licence="none stated by the authors; commonly distributed as CC BY-SA 3.0",
    homepage="http://yann.lecun.com/exdb/mnist/",
    citation="LeCun, Y. et al. (1998). Gradient-based learning applied to document recognition. Proc. IEEE 86(11)",
    features={
        "image": Image((SIDE, SIDE), look="handwriting"),
        "label": ClassLabel(CLASSES),
    },
    splits={"train": 55000, "validation": 5000, "test": 10000},
    files=(
        File(
            name="train-images-idx3-ubyte.gz",
            sha256="440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            size=9912422,
            urls=(
                "https://ossci-datasets.s3.amazonaws.com/mnist/train-images-idx3-ubyte.gz",
                "https://storage.googleapis.com/cvdf-datasets/mnist/train-images-idx3-ubyte.gz",
            ),
        ),
        File(
            name="train-labels-idx1-ubyte.gz",
            sha256="3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            size=28881,
            urls=(
                "https://ossci-datasets.s3.amazonaws.com/mnist/train-labels-idx1-ubyte.gz",
                "https://storage.googleapis.com/cvdf-datasets/mnist/train-labels-idx1-ubyte.gz",
            ),
        ),
        File(
            name="t10k-images-idx3-ubyte.gz",
            sha256="8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            size=1648877,
            urls=(
                "https://ossci-datasets.s3.amazonaws.com/mnist/t10k-images-idx3-ubyte.gz",
                "https://storage.googleapis.com/cvdf-datasets/mnist/t10k-images-idx3-ubyte.gz",
            ),
        ),
        File(
            name="t10k-labels-idx1-ubyte.gz",
            sha256="f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            size=4542,
            urls=(
                "https://ossci-datasets.s3.amazonaws.com/mnist/t10k-labels-idx1-ubyte.gz",
                "https://storage.googleapis.com/cvdf-datasets/mnist/t10k-labels-idx1-ubyte.gz",
            ),
        ),
    ),
    note="validation is the last 5,000 of the 60,000 training images",
)


def load(split: str = "train", *, quiet: bool = False) -> Dataset:
    """A split: "train", "validation" or "test". Fetched at the first use."""
    return load_split(CARD, split, quiet=quiet)


def toy(*, rng: np.random.Generator, count: int = 600) -> Dataset:
    """Digits drawn from strokes on the same grid: generated, so they need no file."""
    labels = rng.permutation(np.arange(count) % len(CLASSES))
    return Dataset({"image": draw(DIGITS, labels, size=SIDE, rng=rng), "label": labels}, CARD.features)
