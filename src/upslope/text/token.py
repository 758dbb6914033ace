"""What all tokenizers share: a token with its place in the text, special tokens, and texts that cannot be encoded.

A special token (`<|endoftext|>`, `[SEP]`) stands for something that no text says: where a document ends, what is to be
filled in. Who writes its name into a text must not be able to say it, so the name is plain text unless the caller
allows it: the text of a user is encoded with nothing allowed.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from upslope.runs.errors import Problem

Ids = NDArray[np.int64]


class UnreadableText(Problem, ValueError):
    """A text that is no text: half of a character stands in it."""


class BadTokenizer(Problem, ValueError):
    """A file or vocabulary that is no tokenizer, or not one of this kind."""


class Token(NamedTuple):
    """A piece of a text: its id, the piece as it stands in the vocabulary, and text[start:end] in the original text.

    Where a character is cut into several tokens, each of them covers it; a token that stands for nothing in the text,
    a marker of its beginning, covers an empty place.
    """

    id: int
    piece: str
    start: int
    end: int


class Tokenizer(Protocol):
    """What every tokenizer does."""

    @property
    def special(self) -> Mapping[str, int]:
        """The special tokens and their ids."""
        ...

    def __len__(self) -> int: ...

    def encode(self, text: str, *, allowed: Collection[str] = ()) -> Ids:
        """The ids of a text: (N,)."""
        ...

    def tokens(self, text: str, *, allowed: Collection[str] = ()) -> list[Token]:
        """The same with pieces and places."""
        ...

    def decode(self, ids: ArrayLike) -> str:
        """The text of some ids."""
        ...

    def shown(self, number: int) -> str:
        """The piece of an id as a person reads it."""
        ...


def require_text(text: str) -> None:
    """Raise UnreadableText where a lone surrogate stands in a text, because UTF-8 has no form for it."""
    if text.isascii():
        return
    try:
        text.encode()
    except UnicodeEncodeError as error:
        half = text[error.start]
        raise UnreadableText(
            f"character {error.start} of the text is a lone surrogate, U+{ord(half):04X}: half of a character, which "
            "is no text; read the file as UTF-8, or leave the half out"
        ) from None


def whole_characters(text: str) -> str:
    """A text with U+FFFD for each lone surrogate, and two halves that stand together as the character that they make.

    For what comes from a keyboard or a terminal, which nobody can read again as UTF-8.
    """
    if text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text):
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def split_special(
    text: str, special: Mapping[str, int], allowed: Collection[str]
) -> Iterator[tuple[int, str, int | None]]:
    """A text cut at the special tokens that are allowed: (start, part, id), the id of plain text None.

    Of two names that begin at one place the longer one counts. ValueError where a name is no special token.
    """
    unknown = [name for name in allowed if name not in special]
    if unknown:
        known = ", ".join(special) or "none"
        raise ValueError(f"{unknown[0]!r} is no special token of this tokenizer (it has {known})")
    place = 0
    if allowed:
        names = sorted(allowed, key=len, reverse=True)
        for found in re.finditer("|".join(map(re.escape, names)), text):
            if found.start() > place:
                yield place, text[place : found.start()], None
            yield found.start(), found[0], special[found[0]]
            place = found.end()
    if place < len(text):
        yield place, text[place:], None


def known_ids(ids: ArrayLike, known: Mapping[int, object]) -> list[int]:
    """Ids as a list; ValueError where one is not in the vocabulary."""
    found: list[int] = np.asarray(ids, dtype=np.int64).ravel().tolist()
    for number in found:
        if number not in known:
            raise ValueError(f"{number} is no id of this tokenizer, which has {len(known):,}")
    return found
