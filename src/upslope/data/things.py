"""Things: small pictures with their prompts, "a red seven", put together from digits and garments.

The digits are MNIST's (Y. LeCun et al. 1998), the four garments Fashion-MNIST's (H. Xiao et al. 2017,
https://arxiv.org/abs/1708.07747), made smaller and painted in one of five colors. Nobody painted them; their shapes are
real. Ten of the seventy pairs of thing and color stand in the test split only. Training, validation and test share no
digit and no garment.
"""

import numpy as np

from upslope.cards import DataCard, File
from upslope.data.loading import colored_things
from upslope.data.loading.dataset import Column, Dataset
from upslope.data.loading.fetch import get
from upslope.features import ClassLabel, Image, Text
from upslope.runs.errors import DataProblem

THINGS = (
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "shirt",
    "dress",
    "bag",
    "boot",
)
COLORS = ("red", "green", "blue", "yellow", "white")

CARD = DataCard(
    name="things",
    title="Things in colors, with their prompts",
    licence="as MNIST (none stated by the authors) and Fashion-MNIST (MIT, Zalando)",
    homepage="https://github.com/zalandoresearch/fashion-mnist",
    citation="LeCun, Y. et al. (1998). Proc. IEEE 86(11). Xiao, H. et al. (2017). Fashion-MNIST. arXiv:1708.07747",
    features={
        "image": Image((16, 16, 3)),
        "text": Text(),
        "thing": ClassLabel(THINGS),
        "color": ClassLabel(COLORS),
    },
    splits={"train": 42_000, "validation": 1200, "test": 2800},
    files=(
        File(
            name="mnist/train-images-idx3-ubyte.gz",
            sha256="440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            size=9912422,
            urls=("https://ossci-datasets.s3.amazonaws.com/mnist/train-images-idx3-ubyte.gz",),
            mirror="mnist/train-images-idx3-ubyte.gz",
        ),
        File(
            name="mnist/train-labels-idx1-ubyte.gz",
            sha256="3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            size=28881,
            urls=("https://ossci-datasets.s3.amazonaws.com/mnist/train-labels-idx1-ubyte.gz",),
            mirror="mnist/train-labels-idx1-ubyte.gz",
        ),
        File(
            name="fashion_mnist/train-images-idx3-ubyte.gz",
            sha256="3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            size=26421880,
            urls=("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/train-images-idx3-ubyte.gz",),
            mirror="fashion_mnist/train-images-idx3-ubyte.gz",
        ),
        File(
            name="fashion_mnist/train-labels-idx1-ubyte.gz",
            sha256="a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            size=29515,
            urls=("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/train-labels-idx1-ubyte.gz",),
            mirror="fashion_mnist/train-labels-idx1-ubyte.gz",
        ),
    ),
    note="put together anew each time, always the same; validation and test show images 50,001 and later of training",
)


def load(split: str = "train", *, quiet: bool = False) -> Dataset:
    """A split: "train", "validation" or "test"; the last with all pairs, the others with those of training."""
    if split not in CARD.splits:
        raise DataProblem(f'{CARD.name} has no split "{split}"; it has {", ".join(CARD.splits)}')
    kinds = colored_things.grey_things(get(CARD, quiet=quiet), split)
    rng = np.random.default_rng(colored_things.SEEDS[split])
    return composed(kinds, CARD.splits[split], rng=rng, unseen=split == "test")


def toy(*, rng: np.random.Generator, count: int = 600) -> Dataset:
    """Things that a program draws, in all pairs: generated, so they need no file."""
    return composed(colored_things.drawn_things(max(8, count // 14), rng=rng), count, rng=rng, unseen=True)


def composed(kinds: list[colored_things.Floats], count: int, *, rng: np.random.Generator, unseen: bool) -> Dataset:
    """So many pictures, each pair as often as others."""
    thing, color = colored_things.pairs(count, rng=rng, unseen=unseen)
    columns: dict[str, Column] = {
        "image": colored_things.painted(kinds, thing, color, rng=rng),
        "text": tuple(map(colored_things.prompt, thing, color)),
        "thing": thing,
        "color": color,
    }
    return Dataset(columns, CARD.features)
