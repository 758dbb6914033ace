"""Cleaning: damage that text suffers on its way from program to program, found, repaired and reported.

R. Speer, "ftfy: fixes text for you", 2012, https://ftfy.readthedocs.io/; M. Davis, K. Whistler, "Unicode Standard Annex
#15: Unicode Normalization Forms", https://www.unicode.org/reports/tr15/.

- Mojibake of any number of layers, HTML entities in what is no HTML, byte order marks, controls that were the quotation
  marks of Windows-1252, characters without width, letters and accents stored apart in places.
- Each change says where in the original it was made. A sound text comes back as it is, which is the harder half: what
  looks like damage may be a Persian or Hindi joiner, or French punctuation.
- Left out: guessing which encoding a file has, straightening quotation marks, anything that changes the meaning.
"""

import html
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html.entities import html5

from upslope.text.alignment import Aligned, Edit
from upslope.text.mojibake import misread
from upslope.text.scripts import script
from upslope.text.token import require_text

MARK = "\ufeff"


@dataclass(frozen=True)
class Change:
    """One repair: the original's characters from `start` to `end`, what they became, and what had happened to them."""

    start: int
    end: int
    before: str
    after: str
    kind: str


@dataclass(frozen=True)
class Cleaned:
    """A repaired text, and its repairs in the order in which they were made."""

    text: str
    changes: tuple[Change, ...]

    def counts(self) -> dict[str, int]:
        """How many repairs there were of each kind."""
        kinds = [change.kind for change in self.changes]
        return {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)}


def clean(text: str) -> Cleaned:
    """Repair a text. One that is sound, and in normal form C, comes back unchanged."""
    require_text(text)
    aligned, changes = Aligned(text), list[Change]()

    def repair(kind: str, edits: Callable[[str], Iterator[Edit]]) -> bool:
        made = list(edits(aligned.text))
        for edit in made:
            first, last = aligned.origin(edit.start, edit.end)
            changes.append(Change(first, last, aligned.text[edit.start : edit.end], edit.new, kind))
        aligned.apply(made)
        return bool(made)

    # Under an entity there may be mojibake, and the other way round: one layer after the other, until none is left.
    while repair("mojibake", mojibake) or repair("HTML entity", entities):
        pass
    repair("control character", controls)
    repair("byte order mark", byte_order_marks)
    repair("zero-width character", zero_width)
    repair("normal form", decomposed)
    return Cleaned(aligned.text, tuple(changes))


def mojibake(text: str) -> Iterator[Edit]:
    """UTF-8 that was read as Windows-1252 or Latin-1: one layer of it. Lines are judged one by one."""
    begin = 0
    while begin < len(text):
        end = text.find("\n", begin) + 1 or len(text)
        line = text[begin:end]
        if not line.isascii():
            for each in misread(line):
                yield Edit(begin + each.start, begin + each.end, each.character)
        begin = end


_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_TAG = re.compile(r"<(?:/?[A-Za-z][A-Za-z0-9]*(?:\s[^<>]*)?/?|!--.*?--|![A-Za-z][^<>]*)>", re.DOTALL)


def entities(text: str) -> Iterator[Edit]:
    """&eacute; for é, and &#233;: one layer of it. In a text with tags they are right, and stay."""
    if "&" not in text or _TAG.search(text):
        return
    for match in _ENTITY.finditer(text):
        if match[0][1] == "#" or match[0][1:] in html5:
            new = html.unescape(match[0])
            if new not in (match[0], "", "\ufffd"):
                yield Edit(match.start(), match.end(), new)


def controls(text: str) -> Iterator[Edit]:
    """Bytes of Windows-1252 that were read as Latin-1: U+0092 was an apostrophe."""
    for match in re.finditer(r"[\x80-\x84\x86-\x9f]", text):  # U+0085 ends a line on some machines
        read = bytes([ord(match[0])]).decode("cp1252", errors="ignore")
        if read:
            yield Edit(match.start(), match.end(), read)


def byte_order_marks(text: str) -> Iterator[Edit]:
    """U+FEFF, at the beginning and where files were joined; inside a line it is a character without width."""
    for match in re.finditer(rf"(?:^|(?<=\n)){MARK}+", text):
        yield Edit(match.start(), match.end(), "")


# Where words are written without spaces, U+200B says that a line may break there.
_UNSPACED = frozenset({"Thai", "Lao", "Khmer", "Myanmar", "Tibetan", "Javanese", "Balinese", "Sundanese"})
# Where letters join, U+200C and U+200D say whether two of them do.
_JOINING = frozenset(
    {"Arabic", "Syriac", "Nko", "Mongolian", "Devanagari", "Bengali", "Gurmukhi", "Gujarati", "Oriya", "Tamil"}
    | {"Telugu", "Kannada", "Malayalam", "Sinhala", "Khmer", "Myanmar", "Tibetan", "Balinese", "Javanese"}
)
_ZERO_WIDTH = re.compile("[\u200b\u200c\u200d\u2060\ufeff]+")


def zero_width(text: str) -> Iterator[Edit]:
    """Characters that are not seen: U+200B, U+200C, U+200D, U+2060, U+FEFF, but not where a script needs them."""
    for match in _ZERO_WIDTH.finditer(text):
        around = text[max(0, match.start() - 1) : match.start()], text[match.end() : match.end() + 1]
        kept = "".join(c for c in match[0] if _needed(c, *around))
        if kept != match[0]:
            yield Edit(match.start(), match.end(), kept)


def _needed(mark: str, before: str, after: str) -> bool:
    written = {script(c) for c in (before, after) if c}
    if mark == "\u200b":
        return bool(written & _UNSPACED)
    if mark in "\u200c\u200d":
        # The joiner makes one picture of two, as well.
        return bool(written & _JOINING) or (mark == "\u200d" and any(_is_pictured(c) for c in (before, after)))
    return False


def _is_pictured(character: str) -> bool:
    return character != "" and (unicodedata.category(character) in ("So", "Sk") or character == "\ufe0f")


def decomposed(text: str) -> Iterator[Edit]:
    """Characters and their marks that Unicode stores as one: e and U+0301 for é. Afterwards the text is in form C."""
    if unicodedata.is_normalized("NFC", text):
        return
    for begin, end in _clusters(text):
        composed = unicodedata.normalize("NFC", text[begin:end])
        if composed != text[begin:end]:
            yield Edit(begin, end, composed)


def _clusters(text: str) -> Iterator[tuple[int, int]]:
    """Pieces that normal forms treat alone: each begins with a character that combines with none before it."""
    begin = 0
    for place in range(1, len(text) + 1):
        if place == len(text) or _stands_alone(text[place - 1], text[place]):
            yield begin, place
            begin = place


def _stands_alone(before: str, character: str) -> bool:
    if character.isascii():
        return True
    # A mark combines; some vowels and Hangul's letters do without being marks in that sense.
    if unicodedata.combining(character) or unicodedata.category(character)[0] == "M":
        return False
    return len(unicodedata.normalize("NFC", before + character)) == 2 and not "\u1100" <= character <= "\u11ff"
