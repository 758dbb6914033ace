"""Movie reviews: 1,000 that praise a film and 1,000 that do not, as their writers' stars say.

B. Pang, L. Lee, "A Sentimental Education: Sentiment Analysis Using Subjectivity Summarization Based on Minimum Cuts",
2004, https://aclanthology.org/P04-1035/ (polarity dataset v2.0), as NLTK's data package carries it. Words and marks
stand apart, in lower case, about 650 in a review.

The authors' ten folds are the hundreds of the files' numbers: cv000 to cv099 of both classes is fold 0. Results are
means over the ten, each tested by what was learned from the other nine. The three parts of a data set are of these
folds: test is fold 0, validation fold 1, training the rest; "all" has a column with the fold.
"""

import numpy as np

from upslope.cards import DataCard, File
from upslope.data.loading.archives import contents, members
from upslope.data.loading.dataset import Column, Dataset
from upslope.data.loading.fetch import get
from upslope.data.loading.phrases import opinions
from upslope.features import ClassLabel, Text
from upslope.runs.errors import DataProblem

CLASSES = ("negative", "positive")
FOLDS = ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9")
CARD = DataCard(
    name="movie_reviews",
    title="Movie reviews (Pang and Lee)",
    licence="CC BY 4.0",
    homepage="https://www.cs.cornell.edu/people/pabo/movie-review-data/",
    citation="Pang, B., Lee, L. (2004). A sentimental education. ACL",
    features={"text": Text(), "label": ClassLabel(CLASSES), "fold": ClassLabel(FOLDS)},
    splits={"train": 1600, "validation": 200, "test": 200},
    files=(
        File(
            name="movie_reviews.zip",
            sha256="a41211ae685019137410268134db6a1a14428c89b671eb83056151a878539008",
            size=4_004_848,
            urls=("https://raw.githubusercontent.com/nltk/nltk_data/gh-pages/packages/corpora/movie_reviews.zip",),
            mirror="nltk_data/packages/corpora/movie_reviews.zip",
        ),
    ),
    note="ten folds of 200; test is fold 0, validation fold 1",
)
_SPLITS = {"train": range(2, 10), "validation": (1,), "test": (0,), "all": range(10)}


def load(split: str = "train", *, quiet: bool = False) -> Dataset:
    """A split, "train", "validation" or "test", or "all" of them. Fetched at the first use."""
    if split not in _SPLITS:
        raise DataProblem(f'movie_reviews has no split "{split}"; it has {", ".join(list(_SPLITS)[:3])}')
    path = get(CARD, quiet=quiet) / CARD.files[0].name
    rows = [
        (name, label, fold)
        for name in members(path, suffix=".txt")
        for label in [int("/pos/" in name)]
        for fold in [int(name.rpartition("/cv")[2][0])]
        if fold in _SPLITS[split]
    ]
    columns: dict[str, Column] = {
        "text": tuple(content.decode() for content in contents(path, [name for name, _, _ in rows])),
        "label": np.array([label for _, label, _ in rows]),
        "fold": np.array([fold for _, _, fold in rows]),
    }
    return Dataset(columns, CARD.features)


def toy(*, rng: np.random.Generator, count: int = 600) -> Dataset:
    """Reviews of some sentences from a small grammar, in ten folds: generated, without a file."""
    texts, labels = opinions(rng=rng, count=count, sentences=4)
    return Dataset({"text": texts, "label": labels, "fold": np.arange(count) // 2 % 10}, CARD.features)
