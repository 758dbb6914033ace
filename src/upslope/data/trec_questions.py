"""TREC questions: what kind of answer does a question ask for, in six classes.

X. Li, D. Roth, "Learning Question Classifiers", 2002, https://aclanthology.org/C02-1150/, as NLTK's data package `qc`
carries it; words and marks stand apart. The test part is the questions of TREC 10. The authors have no validation part:
here it is every tenth question of their training part.
"""

import numpy as np

from upslope.cards import DataCard, File
from upslope.data.loading.archives import member
from upslope.data.loading.dataset import Dataset
from upslope.data.loading.fetch import get
from upslope.features import ClassLabel, Text
from upslope.runs.errors import DataProblem

CLASSES = ("abbreviation", "description", "entity", "human", "location", "number")
NAMES = {"ABBR": 0, "DESC": 1, "ENTY": 2, "HUM": 3, "LOC": 4, "NUM": 5}  # of the file, before a finer class
CARD = DataCard(
    name="trec_questions",
    title="TREC questions by the kind of their answer",
    licence="none stated; free for research with citation",
    homepage="https://cogcomp.seas.upenn.edu/Data/QA/QC/",
    citation="Li, X., Roth, D. (2002). Learning question classifiers. COLING",
    features={"text": Text(), "label": ClassLabel(CLASSES)},
    splits={"train": 4906, "validation": 546, "test": 500},
    files=(
        File(
            name="qc.zip",
            sha256="091fb01e50883014d150acb7d5013d787136968b3f955ae01725a65e7e80f304",
            size=125_456,
            urls=("https://raw.githubusercontent.com/nltk/nltk_data/gh-pages/packages/corpora/qc.zip",),
            mirror="nltk_data/packages/corpora/qc.zip",
        ),
    ),
    note="5,452 questions to learn from, of which every tenth is validation, and 500 of TREC 10 as the test",
)
_EVERY = 10


def load(split: str = "train", *, quiet: bool = False) -> Dataset:
    """A split: "train", "validation" or "test". Fetched at the first use."""
    if split not in CARD.splits:
        raise DataProblem(f'trec_questions has no split "{split}"; it has {", ".join(CARD.splits)}')
    file = "qc/test.txt" if split == "test" else "qc/train.txt"
    content = member(get(CARD, quiet=quiet) / CARD.files[0].name, file).decode("latin-1")
    rows = [line.partition(" ") for line in content.splitlines() if line.strip()]
    if split != "test":
        rows = [row for number, row in enumerate(rows) if (number % _EVERY == 0) == (split == "validation")]
    labels = np.array([NAMES[kind.partition(":")[0]] for kind, _, _ in rows], dtype=np.int64)
    return Dataset({"text": tuple(text.strip() for _, _, text in rows), "label": labels}, CARD.features)


_ASKED = (
    "What does {} stand for ?",
    "Why is {} so famous ?",
    "What food is made in {} ?",
    "Who was the first to see {} ?",
    "Where can one find {} ?",
    "How many people know {} ?",
)
_ABOUT = ("Troy", "the NASA", "Mount Etna", "the BBC", "Lake Chad", "the Nile", "Oz", "the UN")


def toy(*, rng: np.random.Generator, count: int = 600) -> Dataset:
    """Questions from six patterns, each class as often as any other: generated, without a file."""
    labels = np.arange(count) % len(CLASSES)
    texts = tuple(_ASKED[label].format(rng.choice(_ABOUT)) for label in labels)
    return Dataset({"text": texts, "label": labels}, CARD.features)
