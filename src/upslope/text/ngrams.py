"""N-grams: runs of n words, or of n characters, that a text is counted by.

C. Shannon, "A Mathematical Theory of Communication", 1948, section 3, https://doi.org/10.1002/j.1538-7305.1948.tb01338.x
"""

import re
from collections.abc import Sequence

_SPACES = re.compile(r"\s\s+")


def word_ngrams(words: Sequence[str], *, low: int = 1, high: int = 1) -> list[str]:
    """Every run of `low` to `high` words, joined by spaces, the short ones first: of a b they are a, b, "a b"."""
    runs = range(low, min(high, len(words)) + 1)
    return [" ".join(words[start : start + n]) for n in runs for start in range(len(words) - n + 1)]


def character_ngrams(text: str, *, low: int = 3, high: int = 5) -> list[str]:
    """Every run of `low` to `high` characters within a word, of which its borders are part, as spaces.

    " cat " has the threes " ca", "cat", "at ". A word that is shorter than n is one run, once.
    """
    found: list[str] = []
    for word in _SPACES.sub(" ", text).split():
        bordered = f" {word} "
        for n in range(low, high + 1):
            found.append(bordered[:n])
            found += [bordered[start : start + n] for start in range(1, len(bordered) - n + 1)]
            if len(bordered) <= n:
                break
    return found
