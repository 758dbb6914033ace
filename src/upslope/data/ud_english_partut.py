"""UD English ParTUT: sentences in which every word has its part of speech.

M. Sanguinetti, C. Bosco, "PartTUT: The Turin University Parallel Treebank", 2015, in the form of Universal
Dependencies, https://universaldependencies.org/treebanks/en_partut. Law, encyclopedia articles, talks.

Of the ten columns the words and their universal part-of-speech tags (UPOS) are read. A contraction such as "don't" is
two words there, "do" and "n't"; the line of the whole, which has no tag, is left out.
"""

import numpy as np

from upslope.cards import DataCard, File
from upslope.data.loading.dataset import Dataset, Ragged
from upslope.data.loading.fetch import get
from upslope.data.loading.text_files import conll
from upslope.features import ClassLabel, Sequence, Text
from upslope.runs.errors import DataProblem

TAGS = (
    "ADJ",
    "ADP",
    "ADV",
    "AUX",
    "CCONJ",
    "DET",
    "INTJ",
    "NOUN",
    "NUM",
    "PART",
    "PRON",
    "PROPN",
    "PUNCT",
    "SCONJ",
    "SYM",
    "VERB",
    "X",
)
COLUMNS = ("id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")
FILES = {"train": "train", "validation": "dev", "test": "test"}

CARD = DataCard(
    name="ud_english_partut",
    title="UD English ParTUT, parts of speech",
    licence="CC BY-NC-SA 4.0",
    homepage="https://github.com/UniversalDependencies/UD_English-ParTUT",
    citation="Sanguinetti, M. and Bosco, C. (2015). PartTUT: the Turin University parallel treebank",
    features={"text": Text(), "tags": Sequence(of=ClassLabel(TAGS))},
    splits={"train": 1781, "validation": 156, "test": 153},
    files=(
        File(
            name="en_partut-ud-train.conllu",
            sha256="d7f3fa31fd8a6536e5c1ddcf37911621e77b6d37e20e73dbad1f8fc65e56ef84",
            size=2_386_094,
            urls=(
                "https://raw.githubusercontent.com/UniversalDependencies/UD_English-ParTUT/bd9434bf851c/en_partut-ud-train.conllu",
            ),
        ),
        File(
            name="en_partut-ud-dev.conllu",
            sha256="f52fe2eeedcbb916516a7cabaeda89a618e3832ade19750e30b4f514865cdb86",
            size=152_380,
            urls=(
                "https://raw.githubusercontent.com/UniversalDependencies/UD_English-ParTUT/bd9434bf851c/en_partut-ud-dev.conllu",
            ),
        ),
        File(
            name="en_partut-ud-test.conllu",
            sha256="fdc9c5a5fd95f9b426b98cbe43fecad011cd4c33f9bf211d4673d060ee9d0e96",
            size=188_121,
            urls=(
                "https://raw.githubusercontent.com/UniversalDependencies/UD_English-ParTUT/bd9434bf851c/en_partut-ud-test.conllu",
            ),
        ),
    ),
    note="the words of a text are apart by single spaces, and each has a tag",
)


def load(split: str = "train", *, quiet: bool = False) -> Dataset:
    """A split: "train", "validation" or "test"; fetched at the first use."""
    if split not in CARD.splits:
        raise DataProblem(f'ud_english_partut has no split "{split}"; it has {", ".join(CARD.splits)}')
    path = get(CARD, quiet=quiet) / f"en_partut-ud-{FILES[split]}.conllu"
    texts, tags = [], []
    for sentence in conll(path, columns=COLUMNS, delimiter="\t"):
        # 3-4 stands before words 3 and 4, which it contracts; 5.1 is a word that was left unsaid.
        real = [n for n, place in enumerate(sentence["id"]) if place.isdigit()]
        texts.append(" ".join(sentence["form"][n] for n in real))
        tags.append([TAGS.index(sentence["upos"][n]) for n in real])
    return Dataset({"text": tuple(texts), "tags": Ragged.of(tags, dtype=np.int64)}, CARD.features)


PRONOUNS = ("I", "you", "we", "they")
ADVERBS = ("often", "rarely", "soon", "here")
NAMES = ("Rome", "Anna", "Turin", "Paul")
EITHER = ("walk", "plan", "visit", "work", "study", "report", "change", "use")  # a noun, or a verb
BESIDE = ("light", "cold", "total", "public", "key", "human", "ideal", "fat")  # a noun, or an adjective before one


def toy(*, rng: np.random.Generator, count: int = 600) -> Dataset:
    """Sentences from a small grammar, half of whose words have two readings: some only what comes before tells apart,

    others only what comes behind.
    """
    texts, tags = [], []
    for _ in range(count):
        words = _sentence(rng)
        texts.append(" ".join(word for word, _ in words))
        tags.append([TAGS.index(tag) for _, tag in words])
    return Dataset({"text": tuple(texts), "tags": Ragged.of(tags, dtype=np.int64)}, CARD.features)


def _sentence(rng: np.random.Generator) -> list[tuple[str, str]]:
    """I often walk . / the cold visit ... / the cold of Rome ..."""

    def one(words: tuple[str, ...]) -> str:
        return str(rng.choice(words))

    thing = [("the", "DET")]
    if rng.random() < 0.5:  # an adjective, as the noun behind it shows
        thing += [(one(BESIDE), "ADJ"), (one(EITHER), "NOUN")]
    else:
        thing += [(one((*BESIDE, *EITHER)), "NOUN"), ("of", "ADP"), (one(NAMES), "PROPN")]
    who = [(one(PRONOUNS), "PRON")] if rng.random() < 0.5 else [(one(NAMES), "PROPN")]
    how = [(one(ADVERBS), "ADV")] if rng.random() < 0.5 else []
    return [*who, *how, (one(EITHER), "VERB"), *thing, (".", "PUNCT")]
