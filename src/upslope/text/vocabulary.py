"""A text as a row of ids: which words, runs of words and pieces of words a classifier looks at, and their numbers.

C. Manning, P. Raghavan, H. Schütze, "Introduction to Information Retrieval", 2008, chapter 2; the letters of words as
features: P. Bojanowski et al., "Enriching Word Vectors with Subword Information", 2016,
https://arxiv.org/abs/1607.04606.

- Words in lower case and marks, in order; runs of up to `order` words; stems; runs of 3 to 6 letters.
- 0 is padding, 1 is what training has not seen often enough. Where the ids are a bag (`bag=True`) a term has one id
  however often it stands in the text, and unknown ones have none.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from upslope.text.ngrams import character_ngrams, word_ngrams
from upslope.text.snowball import snowball
from upslope.text.tagging import words_of

PADDING, UNKNOWN = 0, 1


_EDGES = re.compile(r"\w(?:\S*\w)?|[^\w\s]+")
_stem = lru_cache(maxsize=1 << 17)(snowball)  # the same words come again in every text


@dataclass(frozen=True)
class Terms:
    """What of a text is looked at: runs of up to `order` words, and with them stems, and pieces of words."""

    order: int = 1
    stems: bool = False  # marked by "=", so that they are no words
    pieces: bool = False  # 3 to 6 letters, the borders of the word among them
    at_spaces: bool = (
        False  # for a corpus whose words and marks stand apart; `spaced` brings other texts into that form
    )

    def words(self, text: str) -> list[str]:
        """The words and marks of a text, in lower case."""
        return [word.lower() for word in (text.split() if self.at_spaces else words_of(text))]

    def __call__(self, text: str) -> list[str]:
        """All terms of a text: the words in their order first."""
        words = self.words(text)
        found = word_ngrams(words, high=self.order) if self.order > 1 else words
        if self.stems:
            found = found + [f"={_stem(word)}" for word in words]
        if self.pieces:
            found = found + [f"#{piece}" for piece in character_ngrams(" ".join(words), low=3, high=6)]
        return found


WORDS = Terms()


@dataclass(frozen=True)
class Vocabulary:
    """The terms that have an id; the first has the id 2."""

    terms: tuple[str, ...]
    look: Terms = WORDS
    longest: int = 256  # ids of a text that are read; further ones are left out
    bag: bool = False
    _ids: Mapping[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_ids", {term: n for n, term in enumerate(self.terms, UNKNOWN + 1)})

    @classmethod
    def of(
        cls, texts: Iterable[str], look: Terms = WORDS, *, least: int = 1, longest: int = 256, bag: bool = False
    ) -> "Vocabulary":
        """The terms that stand in at least `least` of the texts, in alphabetical order."""
        found: Counter[str] = Counter()
        for text in texts:
            found.update(set(look(text)))
        return cls(tuple(sorted(term for term, n in found.items() if n >= least)), look, longest, bag)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Vocabulary":
        """The inverse of `to_json`."""
        return cls(tuple(content["terms"]), Terms(**content["look"]), content["longest"], content["bag"])

    def to_json(self) -> dict[str, Any]:
        """A dict of JSON values."""
        return {"terms": list(self.terms), "look": asdict(self.look), "longest": self.longest, "bag": self.bag}

    @property
    def size(self) -> int:
        """How many ids there are, those of padding and of the unknown among them."""
        return len(self.terms) + UNKNOWN + 1

    def encode(self, text: str) -> NDArray[np.int64]:
        """The ids of a text, (T,), at most `longest`; at least one, PADDING where there is nothing."""
        terms = self.look(text)
        if self.bag:
            ids = list(dict.fromkeys(n for term in terms if (n := self._ids.get(term))))
        else:
            ids = [self._ids.get(term, UNKNOWN) for term in terms]
        return np.array(ids[: self.longest] or [PADDING], dtype=np.int64)

    def known(self, text: str) -> tuple[int, int]:
        """How many of the words of a text have an id, and how many words there are."""
        words = self.look.words(text)
        return sum(word in self._ids for word in words), len(words)


def spaced(text: str) -> str:
    """The text with the marks at the edges of its words set apart: "It's (8/10) good." is "It's ( 8/10 ) good ."."""
    return " ".join(_EDGES.findall(text))


def padded(rows: Sequence[NDArray[np.int64]], *, length: int = 0) -> NDArray[np.int64]:
    """Rows of ids as one array (N, T), filled up with PADDING to the longest, or to `length`."""
    longest = max((len(row) for row in rows), default=1)
    array = np.full((len(rows), max(longest, length)), PADDING, dtype=np.int64)
    for filled, row in zip(array, rows, strict=True):
        filled[: len(row)] = row
    return array
