"""Olivetti faces: ten pictures each of forty people, taken at the Olivetti Research Laboratory from 1992 to 1994.

F. Samaria, A. Harter, "Parameterisation of a stochastic model for human face identification", 1994,
https://doi.org/10.1109/ACV.1994.341300, cropped to 64 x 64 by S. Roweis. There is one split; the column `fold` shares
the people out into four folds of ten, so that each person can be held out of training with all ten pictures.
"""

import numpy as np
from scipy.io import loadmat

from upslope.cards import DataCard, File
from upslope.data.loading.dataset import Dataset
from upslope.data.loading.fetch import get
from upslope.data.loading.portraits import portraits
from upslope.features import ClassLabel, Image
from upslope.runs.errors import DataProblem

# fmt: off
PEOPLE = (
    "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17", "18", "19", "20",
    "21", "22", "23", "24", "25", "26", "27", "28", "29", "30", "31", "32", "33", "34", "35", "36", "37", "38", "39",
    "40",
)
# fmt: on
FOLDS = ("a", "b", "c", "d")
CARD = DataCard(
    name="olivetti",
    title="Olivetti faces (Samaria and Harter 1994)",
    licence="AT&T Laboratories Cambridge; free for research with credit",
    homepage="https://cs.nyu.edu/~roweis/data.html",
    citation="Samaria, F., Harter, A. (1994). Parameterisation of a stochastic model for human face identification",
    features={"image": Image((64, 64), look="portrait"), "label": ClassLabel(PEOPLE), "fold": ClassLabel(FOLDS)},
    splits={"train": 400, "validation": 0, "test": 0},
    files=(
        File(
            name="olivettifaces.mat",
            sha256="b1988d02c72fe5b8ee82b5ef3bb7982eafc74f1e1ff0ae0ade35061ad0af534d",
            size=1_432_511,
            urls=(
                "https://raw.githubusercontent.com/sjgershm/DBM/f2c3daacb880342847ed24283fb5a753c006b5d6/olivettifaces.mat",
            ),
        ),
    ),
    note="all in one split, in four folds of ten people; the other two splits are empty",
)


def load(split: str = "train", *, quiet: bool = False) -> Dataset:
    """A split; the pictures are all in "train". Fetched at the first use."""
    if split not in CARD.splits:
        raise DataProblem(f'olivetti has no split "{split}"; it has {", ".join(CARD.splits)}')
    faces = loadmat(get(CARD, quiet=quiet) / CARD.files[0].name)["faces"]
    # A picture is a column of the file, its pixels column by column.
    images = faces.T.reshape(-1, 64, 64).swapaxes(1, 2)[: CARD.splits[split]]
    return _of(images.astype(np.float32) / 255, np.repeat(np.arange(len(PEOPLE)), 10)[: CARD.splits[split]])


def toy(*, rng: np.random.Generator, count: int = 120) -> Dataset:
    """Faces drawn from soft ovals, of as many people: generated, without a file."""
    labels = np.arange(count) % len(PEOPLE)
    return _of(portraits(labels, size=64, rng=rng), labels)


def _of(images: np.ndarray, labels: np.ndarray) -> Dataset:
    columns = {"image": np.ascontiguousarray(images), "label": labels, "fold": labels % len(FOLDS)}
    return Dataset(columns, CARD.features)
