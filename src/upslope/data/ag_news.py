"""AG News: headlines and first sentences of news in four classes; the test part of the set.

X. Zhang, J. Zhao, Y. LeCun, "Character-level Convolutional Networks for Text Classification", 2015,
https://arxiv.org/abs/1509.01626, after A. Gulli's corpus. Its training part has 120,000 texts; the 7,600 of its test
part are used here alone, so figures cannot be compared with the paper's.

Row n belongs to fold n modulo 5. Results are means over the five folds, each tested by what was learned from the other
four. The three parts of a data set are of these folds: test is fold 0, validation fold 1, training the rest; "all" has
a column with the fold.
"""

import csv

import numpy as np

from upslope.cards import DataCard, File
from upslope.data.loading.dataset import Column, Dataset
from upslope.data.loading.fetch import get
from upslope.data.loading.phrases import news
from upslope.data.loading.text_files import lines
from upslope.features import ClassLabel, Text
from upslope.runs.errors import DataProblem

CLASSES = ("World", "Sports", "Business", "Sci/Tech")
FOLDS = ("0", "1", "2", "3", "4")
CARD = DataCard(
    name="ag_news",
    title="AG News, its test part",
    licence="for research, not commercial",
    homepage="http://groups.di.unipi.it/~gulli/AG_corpus_of_news_articles.html",
    citation="Zhang, X., Zhao, J., LeCun, Y. (2015). Character-level convolutional networks for text classification",
    features={"text": Text(), "label": ClassLabel(CLASSES), "fold": ClassLabel(FOLDS)},
    splits={"train": 4560, "validation": 1520, "test": 1520},
    files=(
        File(
            name="test.csv",
            sha256="521465c2428ed7f02f8d6db6ffdd4b5447c1c701962353eb2c40d548c3c85699",
            size=1_857_427,
            urls=("https://raw.githubusercontent.com/mhjabreel/CharCnn_Keras/master/data/ag_news_csv/test.csv",),
        ),
    ),
    note="7,600 texts in five folds of 1,520; test is fold 0, validation fold 1",
)
_SPLITS = {"train": range(2, 5), "validation": (1,), "test": (0,), "all": range(5)}


def load(split: str = "train", *, quiet: bool = False) -> Dataset:
    """A split, "train", "validation" or "test", or "all" of them. Fetched at the first use."""
    if split not in _SPLITS:
        raise DataProblem(f'ag_news has no split "{split}"; it has {", ".join(list(_SPLITS)[:3])}')
    rows = list(csv.reader(lines(get(CARD, quiet=quiet) / CARD.files[0].name)))
    chosen = [(number % 5, row) for number, row in enumerate(rows) if number % 5 in _SPLITS[split]]
    columns: dict[str, Column] = {
        "text": tuple(f"{title} {text}".replace("\\", " ") for _, (_, title, text) in chosen),
        "label": np.array([int(label) - 1 for _, (label, _, _) in chosen]),
        "fold": np.array([fold for fold, _ in chosen]),
    }
    return Dataset(columns, CARD.features)


def toy(*, rng: np.random.Generator, count: int = 600) -> Dataset:
    """Headlines from a small grammar, in five folds: generated, without a file."""
    texts, labels = news(rng=rng, count=count)
    return Dataset({"text": texts, "label": labels, "fold": np.arange(count) // 4 % 5}, CARD.features)
