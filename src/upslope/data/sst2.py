"""SST-2: sentences from film reviews that praise or blame, the Stanford Sentiment Treebank in two classes.

R. Socher, A. Perelygin, J. Wu, J. Chuang, C. Manning, A. Ng, C. Potts, "Recursive Deep Models for Semantic
Compositionality Over a Sentiment Treebank", 2013, https://aclanthology.org/D13-1170/. Whole sentences only, in lower
case, without the neutral ones; the parts are the paper's. GLUE's SST-2 is another file, with 67,000 phrases.
"""

import numpy as np

from upslope.cards import DataCard, File
from upslope.data.loading.dataset import Dataset
from upslope.data.loading.fetch import get
from upslope.data.loading.phrases import opinions
from upslope.data.loading.text_files import lines
from upslope.features import ClassLabel, Text
from upslope.runs.errors import DataProblem

CLASSES = ("negative", "positive")
CARD = DataCard(
    name="sst2",
    title="SST-2, sentences of film reviews",
    licence="none stated; free for research with citation",
    homepage="https://nlp.stanford.edu/sentiment/",
    citation="Socher, R. et al. (2013). Recursive deep models for semantic compositionality over a sentiment treebank",
    features={"text": Text(), "label": ClassLabel(CLASSES)},
    splits={"train": 6920, "validation": 872, "test": 1821},
    files=(
        File(
            name="train.tsv",
            sha256="ec192f833a64da08f475488a77b0d0b47db47acd0f458bd18433fc793b569920",
            size=720_259,
            urls=("https://github.com/clairett/pytorch-sentiment-classification/raw/master/data/SST2/train.tsv",),
        ),
        File(
            name="dev.tsv",
            sha256="eddea6b39e601dd4e7a672b53cc40fdf6019fa80522f351206c24340ca5d9359",
            size=92_057,
            urls=("https://github.com/clairett/pytorch-sentiment-classification/raw/master/data/SST2/dev.tsv",),
        ),
        File(
            name="test.tsv",
            sha256="831169c7e2e429d6026e1bdbb542f33b636e3e596caad9602ebc953c205928b7",
            size=188_749,
            urls=("https://github.com/clairett/pytorch-sentiment-classification/raw/master/data/SST2/test.tsv",),
        ),
    ),
)
_FILES = {"train": "train.tsv", "validation": "dev.tsv", "test": "test.tsv"}


def load(split: str = "train", *, quiet: bool = False) -> Dataset:
    """A split: "train", "validation" or "test". Fetched at the first use."""
    if split not in _FILES:
        raise DataProblem(f'sst2 has no split "{split}"; it has {", ".join(_FILES)}')
    rows = [line.rpartition("\t") for line in lines(get(CARD, quiet=quiet) / _FILES[split])]
    return Dataset({"text": tuple(r[0] for r in rows), "label": np.array([int(r[2]) for r in rows])}, CARD.features)


def toy(*, rng: np.random.Generator, count: int = 600) -> Dataset:
    """Opinions from a small grammar: generated, without a file."""
    texts, labels = opinions(rng=rng, count=count, sentences=1)
    return Dataset({"text": texts, "label": labels}, CARD.features)
