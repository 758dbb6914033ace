"""Texts from small grammars, each a little different: the material of toy sets that are read.

Which class a text belongs to can be learned from its words, but not from one of them alone: every word may stand in any
class, and praise with "not" before it is blame.
"""

import numpy as np
from numpy.typing import NDArray

PRAISE = ("good", "moving", "clever", "funny", "brilliant", "warm", "fresh", "gripping")
BLAME = ("dull", "silly", "flat", "tired", "boring", "cold", "clumsy", "loud")
THINGS = ("film", "plot", "cast", "ending", "story", "music", "script", "hero")
TOPICS = (
    ("minister", "election", "treaty", "troops", "president", "border"),
    ("coach", "goal", "season", "final", "striker", "title"),
    ("shares", "profit", "bank", "market", "oil", "merger"),
    ("software", "chip", "satellite", "browser", "virus", "phone"),
)
FILLERS = ("today", "again", "on", "monday", "after", "a", "long", "week", "in", "the", "new", "says", "report")


def opinions(*, rng: np.random.Generator, count: int, sentences: int) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Sentences on films, the classes blame (0) and praise (1) equally often: the texts, and labels (count,)."""
    labels = np.arange(count) % 2
    texts = []
    for label in labels:
        # One sentence in five says the contrary of the rest.
        said = [int(label) if rng.random() < 0.8 or k == 0 else 1 - int(label) for k in range(sentences)]
        texts.append(" ".join(_opinion(rng, good) for good in said))
    return tuple(texts), labels


def _opinion(rng: np.random.Generator, good: int) -> str:
    turned = rng.random() < 0.25
    word = str(rng.choice(PRAISE if good != turned else BLAME))
    rest = f"{rng.choice(('a', 'this', 'such a'))} {rng.choice(THINGS)} with {rng.choice(THINGS)}"
    return f"{rest} is {'not ' if turned else ''}{word} {rng.choice(('.', '!', 'indeed .'))}"


def news(*, rng: np.random.Generator, count: int) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Headlines of four topics equally often, with a word of another topic in each: the texts, and labels (count,)."""
    labels = np.arange(count) % len(TOPICS)
    texts = []
    for label in labels:
        words = [*rng.choice(TOPICS[label], size=3), str(rng.choice(TOPICS[rng.integers(len(TOPICS))]))]
        words += list(rng.choice(FILLERS, size=rng.integers(4, 9)))
        texts.append(" ".join(map(str, rng.permutation(words))).capitalize())
    return tuple(texts), labels
