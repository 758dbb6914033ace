"""Mojibake, UTF-8 that was read as a one-byte encoding: "cafÃ©" for "café". Found, and undone layer by layer.

R. Speer, "ftfy: fixes text for you", 2012, https://ftfy.readthedocs.io/, where the idea comes from that such damage can
be recognised in the text alone. Windows-1252 as browsers read it: WHATWG, "Encoding Standard", section 9.

- UTF-8 leaves a trace: a first byte from C2 to F4 and as many bytes from 80 to BF as it announces. Text that was never
  damaged hardly has such sequences of characters, and where it has one, as in "groß“", it is told by what surrounds it.
- Windows-1252 and Latin-1 differ in the bytes 80 to 9F only, so one table undoes both.
- Left out: other encodings (cp437, Mac Roman), and sequences of which a byte is lost.
"""

import unicodedata
from dataclasses import dataclass

# The characters of Windows-1252 that are not those of Latin-1. Five bytes have none, and are controls, as in Latin-1.
WINDOWS = {
    bytes([byte]).decode("cp1252"): byte for byte in range(0x80, 0xA0) if byte not in (0x81, 0x8D, 0x8F, 0x90, 0x9D)
}


def undo_mojibake(text: str) -> str:
    """One layer of mojibake taken off a whole text: its characters become bytes again, and these are read as UTF-8.

    A character that Windows-1252 has at a byte from 80 to 9F (`WINDOWS`, "€" is 0x80) becomes that byte; every other
    one below U+0100 becomes the byte of its number, as in Latin-1, the controls U+0080 to U+009F among them. If a
    character is none of these, or if the bytes are not UTF-8 (strictly: no lone surrogates, nothing cut off), the text
    was no mojibake as a whole, and comes back as it is. Only one layer is undone: "cafÃƒÂ©" gives "cafÃ©", and that
    gives "café", bytes 63 61 66 C3 A9.
    """
    found = bytearray()
    for character in text:
        # Back to the byte that this character was read from.
        byte = WINDOWS.get(character, ord(character))
        # A character that no byte stands for: this text was not read so.
        if byte > 0xFF:
            return text
        found.append(byte)
    # Read the bytes as what they were; what is no UTF-8 was none before.
    try:
        return found.decode("utf-8")
    except UnicodeDecodeError:
        return text


@dataclass(frozen=True)
class Misread:
    """A place in a text that was one character, and which."""

    start: int
    end: int
    character: str


def misread_characters(line: str) -> list[Misread]:
    """The places of a line that hold all bytes of one character in UTF-8, read as Windows-1252 or Latin-1.

    A character stands for a byte as in `undo_mojibake`. The first byte says how many a character has in UTF-8: C2 to DF
    two, E0 to EF three, F0 to F4 four; those behind it lie from 80 to BF. Evidence is that all of them are there: for a
    piece of just that length `undo_mojibake` gives a single character. One that nobody has defined, or that is for
    private use, is no text (unicodedata.category "Cn" or "Co"), and no evidence. The places come from left to right.
    They do not overlap, since no byte is both a first one and one behind it.

    misread_characters("cafÃ© Ã") is [Misread(start=3, end=5, character="é")]: C3 announces two bytes, and A9 is the
    second. The Ã at the end announces one that is not there. A text without evidence gives [].
    """
    found: list[Misread] = []
    for start, first in enumerate(line):
        # ASCII is one byte, which every encoding reads alike.
        if first.isascii():
            continue
        # The first byte announces how many there are, itself among them.
        size = 2 + (ord(first) > 0xDF) + (ord(first) > 0xEF)
        piece = line[start : start + size]
        # Fewer characters than bytes come out only where all bytes are there, and are UTF-8.
        character = undo_mojibake(piece)
        if len(character) < len(piece) and unicodedata.category(character) not in ("Cn", "Co"):
            found.append(Misread(start, start + size, character))
    return found


def misread(line: str) -> list[Misread]:
    """The sequences of a line that were one character each before UTF-8 was read as Windows-1252 or Latin-1."""
    found = misread_characters(line)
    strong = [each for each in found if _is_strong(line, each)]
    if len(strong) == len(found):
        return found
    covered = {place for each in found for place in range(each.start, each.end)}
    strays = sum(c > "\x7f" and (c.isalpha() or _byte(c) is None) and k not in covered for k, c in enumerate(line))
    if strays > len(strong):
        return strong
    # What could be plain text as well counts where there is certain damage around it, or where all of it agrees.
    return found if strong or (len(found) > 1 and not strays and _agree(line, found)) else []


_CONTROLS = {chr(byte): character for character, byte in WINDOWS.items()}

# What stands in plain text behind a letter: quotation marks, a space that does not break, letters of Windows-1252.
_BEHIND_LETTERS = frozenset("\xa0‘’“”‚„«»‹›…–—•·°ºª²³¹´¨™®©¡¿±§ŠŒŽšœžŸƒ¯¸")
_CLOSING = frozenset("\xa0«»“”‘’›…–—")
_WITHIN_WORDS = frozenset("\xa0’–—·…ŠŒŽšœžŸƒ")


def _is_strong(line: str, each: Misread) -> bool:
    """Whether hardly anyone writes this sequence on purpose."""
    first, rest = line[each.start], line[each.start + 1 : each.end]
    before, behind = _read(line[max(0, each.start - 1) : each.start]), _read(line[each.end : each.end + 1])
    if first == "×" and before.isdigit():
        return False
    if first in "ÂÃ" and not (before.isupper() and _CLOSING.issuperset(rest)):
        return True  # the commonest mojibake of all
    if not _BEHIND_LETTERS.issuperset(rest) or (first.isupper() and before.islower()):
        return True
    # Within a word there are apostrophes and dashes, but no quotation marks and signs.
    return behind.isalpha() and rest[-1] not in _WITHIN_WORDS


def _agree(line: str, found: list[Misread]) -> bool:
    """Whether weak sequences would be letters of one alphabet, in words of their own."""
    letters = [each for each in found if each.character.isalpha()]
    names = {unicodedata.name(each.character, "?").split()[0] for each in letters}
    if len(letters) < 2 or len(names) > 1:
        return False
    if names == {"LATIN"}:
        return all(each.character < "ɐ" or "Ḁ" <= each.character <= "ỿ" for each in letters)
    return not any(
        c.isascii() and c.isalpha()
        for each in found
        for c in (line[each.start - 1 : each.start] + line[each.end : each.end + 1])
    )


def _read(around: str) -> str:
    """A neighbour as Windows-1252 reads its byte: what was a control becomes a letter in the end, and is one here."""
    return _CONTROLS.get(around, around)


def _byte(character: str) -> int | None:
    byte = WINDOWS.get(character, ord(character))
    return byte if byte <= 0xFF else None
