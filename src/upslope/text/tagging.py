"""Words as a tagger looks at them: a number for the word, and one for its ending.

Z. Huang, W. Xu, K. Yu, "Bidirectional LSTM-CRF Models for Sequence Tagging", 2015, https://arxiv.org/abs/1508.01991,
section 4.2: what a word looks like speaks for those that training has not seen. Here that is the ending: the last three
letters, with a mark for a capital at the front, and 0 for every digit.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

PADDING, UNKNOWN = 0, 1  # ids that no word and no ending has
WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*|[^\w\s]|_")


@dataclass(frozen=True)
class WordFeatures:
    """The words and endings that have an id; the first has the id 2."""

    words: tuple[str, ...]
    endings: tuple[str, ...]
    _word_ids: Mapping[str, int] = field(init=False, repr=False, compare=False)
    _ending_ids: Mapping[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_word_ids", {word: n for n, word in enumerate(self.words, UNKNOWN + 1)})
        object.__setattr__(self, "_ending_ids", {end: n for n, end in enumerate(self.endings, UNKNOWN + 1)})

    @classmethod
    def of(cls, sentences: Iterable[Sequence[str]], *, least: int = 2) -> "WordFeatures":
        """What stands at least `least` times in these sentences; rarer ones teach the id of the unknown."""
        words: Counter[str] = Counter()
        endings: Counter[str] = Counter()
        for sentence in sentences:
            words.update(map(str.lower, sentence))
            endings.update(map(ending, sentence))
        return cls(*(tuple(sorted(k for k, n in counts.items() if n >= least)) for counts in (words, endings)))

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "WordFeatures":
        """The inverse of `to_json`."""
        return cls(tuple(content["words"]), tuple(content["endings"]))

    def to_json(self) -> dict[str, Any]:
        """A dict of JSON values."""
        return {"words": list(self.words), "endings": list(self.endings)}

    def encode(self, sentence: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The ids of the words and of their endings, each (T,)."""
        words = [self._word_ids.get(word.lower(), UNKNOWN) for word in sentence]
        endings = [self._ending_ids.get(ending(word), UNKNOWN) for word in sentence]
        return np.array(words, dtype=np.int64), np.array(endings, dtype=np.int64)

    def knows(self, word: str) -> bool:
        """Whether training has seen the word often enough."""
        return word.lower() in self._word_ids


def ending(word: str) -> str:
    """ending("Walking") is "^ing", ending("1984") is "000"."""
    plain = "".join("0" if letter.isdigit() else letter for letter in word.lower())
    return ("^" if word[:1].isupper() else "") + plain[-3:]


def words_of(text: str) -> list[str]:
    """The words and the punctuation of a text; "don't" and "well-known" stay one word."""
    return WORD.findall(text)
