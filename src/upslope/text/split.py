"""Sentences and words of a text, with their places in it.

After M. Davis, C. Chapman, "Unicode Standard Annex #29: Unicode Text Segmentation", https://www.unicode.org/reports/tr29/,
with what reading adds to it: a full stop behind "Dr" or an initial ends no sentence.

- A piece is a `Span` whose text is text[start:end], so what is found can be shown in the original.
- Left out: words of scripts that are written without spaces (Thai, Khmer), where a run of letters is one word; Chinese
  and Japanese characters are a word each.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import regex  # type: ignore[import-untyped]

ABBREVIATIONS = (
    "mr mrs ms dr prof st sr jr rev hon gen col capt lt sgt vs etc no vol art fig pp ed eds inc ltd co corp dept cf "
    "al e.g i.e a.m p.m u.s u.k jan feb mar apr jun jul aug sep sept oct nov dec z.b d.h bzw usw nr abs m mme mlle"
)
_ABBREVIATIONS = frozenset(ABBREVIATIONS.split())


@dataclass(frozen=True)
class Span:
    """A piece of a text, and where it stands."""

    start: int
    end: int
    text: str


_WORD = regex.compile(
    r"""
    (?:https?://|www\.)[^\s<>"]*[^\s<>".,;:!?)\]]      # an address
  | [\w.+-]+@[\w-]+(?:\.[\w-]+)+                        # an address for mail
  | \p{Lu}(?:\.\p{Lu})+\.?                              # U.S.
  | [\p{Han}\p{Hiragana}]\p{M}*                         # a character that is a word
  | \d+(?:[.,:]\d+)*(?:\p{L}[\p{L}\p{M}]*)?             # 1,234.5 and 3rd
  | [\p{L}\p{M}\p{Nl}_](?:[\p{L}\p{M}\p{N}_\u200c\u200d]|['’·-](?=\p{L}))*  # don't, well-known
  | \s                                                  # not with a mark behind it that combines
  | \X                                                  # anything else: one mark, one picture
    """,
    regex.VERBOSE,
)


def words(text: str) -> Iterator[Span]:
    """The words, numbers and marks of a text, in order: "Don't go!" is Don't, go and !."""
    for match in _WORD.finditer(text):
        if not match[0].isspace():
            yield Span(match.start(), match.end(), match[0])


_END = regex.compile(r"(?:[.!?…]+|[。！？।॥۔؟።])[\"'”’»)\]」』]*|\n[ \t]*\n|\n(?=\s*[-*•])")


def sentences(text: str) -> Iterator[Span]:
    """The sentences of a text, in order, without the space around them; an empty line ends one as well."""
    begin = 0
    for match in _END.finditer(text):
        if _ends(text, match.start(), match.end()):
            yield from _stripped(text, begin, match.end())
            begin = match.end()
    yield from _stripped(text, begin, len(text))


def _ends(text: str, mark: int, end: int) -> bool:
    """Whether this mark, and what closes behind it, ends a sentence."""
    if text[mark] in "\n。！？।॥۔؟።":
        return True
    rest = text[end:]
    if rest and not rest[0].isspace():
        return False
    following = rest.lstrip()[:1]
    if following.islower():
        return False
    if text[mark:end].startswith(".") and not text[mark:end].startswith(".."):
        before = re.search(r"[\w.]*\Z", text[max(0, mark - 20) : mark])
        last = before[0] if before else ""
        if last.lower() in _ABBREVIATIONS and following:
            # "etc." may end a sentence, "Dr." never does.
            return (
                last.lower() in {"etc", "inc", "ltd", "co", "corp", "a.m", "p.m", "u.s", "u.k"} and following.isupper()
            )
        if len(last) == 1 and last.isupper() and last != "I" and following:
            return False
    return True


def _stripped(text: str, begin: int, end: int) -> Iterator[Span]:
    piece = text[begin:end]
    start = begin + len(piece) - len(piece.lstrip())
    if piece.strip():
        yield Span(start, start + len(piece.strip()), piece.strip())
