"""Sentence polarity: 5,331 sentences of film reviews that praise and as many that do not, in lower case.

B. Pang, L. Lee, "Seeing Stars", 2005, https://aclanthology.org/P05-1015/ (sentence polarity dataset v1.0), as NLTK's
data package carries it. The authors name no parts: every tenth sentence of a class is test, the next one validation.
"""

import numpy as np

from upslope.cards import DataCard, File
from upslope.data.loading.archives import member
from upslope.data.loading.dataset import Dataset
from upslope.data.loading.fetch import get
from upslope.data.loading.phrases import opinions
from upslope.features import ClassLabel, Text
from upslope.runs.errors import DataProblem

CLASSES = ("negative", "positive")
CARD = DataCard(
    name="sentence_polarity",
    title="Sentence polarity (Pang and Lee)",
    licence="CC BY 4.0",
    homepage="https://www.cs.cornell.edu/people/pabo/movie-review-data/",
    citation="Pang, B., Lee, L. (2005). Seeing stars. ACL",
    features={"text": Text(), "label": ClassLabel(CLASSES)},
    splits={"train": 8528, "validation": 1066, "test": 1068},
    files=(
        File(
            name="sentence_polarity.zip",
            sha256="6e1ed4405b65c7eabf1d199a7f7c437091ac21da0ea7467b410a74062574566b",
            size=490_256,
            urls=("https://raw.githubusercontent.com/nltk/nltk_data/gh-pages/packages/corpora/sentence_polarity.zip",),
            mirror="nltk_data/packages/corpora/sentence_polarity.zip",
        ),
    ),
)
_PARTS = {0: "test", 1: "validation"}  # by the last digit of a sentence's number; all others are for training


def load(split: str = "train", *, quiet: bool = False) -> Dataset:
    """A split: "train", "validation" or "test". Fetched at the first use."""
    if split not in CARD.splits:
        raise DataProblem(f'sentence_polarity has no split "{split}"; it has {", ".join(CARD.splits)}')
    path, texts, labels = get(CARD, quiet=quiet) / CARD.files[0].name, [], []
    for label, end in enumerate(("neg", "pos")):
        lines = member(path, f"sentence_polarity/rt-polarity.{end}").decode("latin-1").splitlines()
        some = [line.strip() for n, line in enumerate(lines) if _PARTS.get(n % 10, "train") == split]
        texts += some
        labels += [label] * len(some)
    return Dataset({"text": tuple(texts), "label": np.array(labels)}, CARD.features)


def toy(*, rng: np.random.Generator, count: int = 600) -> Dataset:
    """Opinions from a small grammar: generated, without a file."""
    texts, labels = opinions(rng=rng, count=count, sentences=1)
    return Dataset({"text": texts, "label": labels}, CARD.features)
