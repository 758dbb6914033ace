"""Two things side by side, with their prompts: "a blue boot left of a white three".

Each half holds one of the pictures of `things`, higher or lower by chance. To draw such a scene a network must know
which color belongs to which thing, and which of them is left. The pairs that `things` keeps out of training are kept
out here, too, in both places. Training, validation and test share no digit and no garment.
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
    name="two_things",
    title="Two things side by side, with their prompts",
    licence="as MNIST (none stated by the authors) and Fashion-MNIST (MIT, Zalando)",
    homepage="https://github.com/zalandoresearch/fashion-mnist",
    citation="LeCun, Y. et al. (1998). Proc. IEEE 86(11). Xiao, H. et al. (2017). Fashion-MNIST. arXiv:1708.07747",
    features={
        "image": Image((32, 32, 3)),
        "text": Text(),
        "left_thing": ClassLabel(THINGS),
        "left_color": ClassLabel(COLORS),
        "right_thing": ClassLabel(THINGS),
        "right_color": ClassLabel(COLORS),
    },
    splits={"train": 15_000, "validation": 1000, "test": 2000},
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
    """So many scenes; in each half every pair is as often as others."""
    image = np.zeros((count, 32, 32, 3), dtype=np.float32)
    labels: dict[str, Column] = {}
    words = []
    for place, left in (("left", 0), ("right", 16)):
        thing, color = colored_things.pairs(count, rng=rng, unseen=unseen)
        painted = colored_things.painted(kinds, thing, color, rng=rng)
        for picture, one, top in zip(image, painted, rng.integers(0, 17, count), strict=True):
            picture[top : top + 16, left : left + 16] = one
        labels |= {f"{place}_thing": thing, f"{place}_color": color}
        words.append(list(map(colored_things.prompt, thing, color)))
    text = tuple(" left of ".join(both) for both in zip(*words, strict=True))
    return Dataset({"image": image, "text": text, **labels}, CARD.features)
