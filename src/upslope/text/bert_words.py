"""The words of a text as BERT sees them: lower case, without accents, each punctuation mark a word of its own.

J. Devlin et al., "BERT", 2019, https://arxiv.org/abs/1810.04805, and the "basic tokenizer" of the code they published:

- control characters are dropped, blanks of any kind become spaces;
- Chinese characters, which have no spaces between them, become words;
- accents are what a canonical decomposition (NFD) splits off, so "naïve" and "naive" are one word;
- every ASCII sign that is no letter or digit is punctuation, also those that Unicode calls symbols, $ + < = > ^ `.

Left out: the canonical order of several marks on one letter, because the marks are dropped.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

from upslope.text.pretokenize import words_with_places

# Where the Unicode blocks of Chinese characters begin and end; kana and hangul do not belong to them.
_CHINESE = (
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B920, 0x2CEAF),
    (0x2F800, 0x2FA1F),
)
_PUNCTUATION = r"\p{P}$+<=>^`|~"
_WORDS = rf"[{_PUNCTUATION}]|[^\s{_PUNCTUATION}]+"
_BLANKS = "\t\n\r"
_DROPPED = "\ufffd"  # what stands for bytes that were no text


class Normalized(NamedTuple):
    """A text for matching, and for each of its characters the place in the original that it came from."""

    text: str
    origins: Sequence[int]


def normalized(text: str, *, lower: bool = True, accents: bool = False) -> Normalized:
    """A text as BERT prepares it; `accents` says whether they stay."""
    if text.isascii() and text.isprintable():
        return Normalized(text.lower() if lower else text, range(len(text)))
    parts = [_replacement(character, lower, accents) for character in text]
    return Normalized("".join(parts), [place for place, part in enumerate(parts) for _ in part])


def words(text: str) -> Iterator[tuple[int, str]]:
    """The words of a normalized text, each with the place where it begins."""
    return words_with_places(text, _WORDS)


@cache
def _replacement(character: str, lower: bool, accents: bool) -> str:
    """What stands for one character: nothing, a space, or one or more characters."""
    if character in _BLANKS:
        return " "
    # Controls, formats such as joiners, private use; what no Unicode assigns stays.
    if character in _DROPPED or unicodedata.category(character) in ("Cc", "Cf", "Co"):
        return ""
    if character.isspace():
        return " "
    if any(first <= ord(character) <= last for first, last in _CHINESE):
        character = f" {character} "
    if not accents:
        decomposed = unicodedata.normalize("NFD", character)
        character = "".join(part for part in decomposed if unicodedata.category(part) != "Mn")
    # One by one: a sigma at the end of a word is no special case here.
    return "".join(part.lower() for part in character) if lower else character
