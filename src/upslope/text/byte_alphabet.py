"""A printable character for each of the 256 bytes, with which vocabularies are written into JSON files.

A. Radford et al., "Language Models are Unsupervised Multitask Learners" (GPT-2), 2019, section 2.2: on bytes, 256
symbols can write any text, so there is no unknown token. Bytes that print in Latin-1 stand for themselves; the other
68, blanks and controls among them, take the characters from U+0100 on, in order: a space is U+0120, "Ġ".
"""

_PRINTABLE = (*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100))
_OTHERS = tuple(sorted(set(range(256)) - set(_PRINTABLE)))

CHARACTER: dict[int, str] = {
    **{byte: chr(byte) for byte in _PRINTABLE},
    **{byte: chr(0x100 + place) for place, byte in enumerate(_OTHERS)},
}
BYTE: dict[str, int] = {character: byte for byte, character in CHARACTER.items()}

# In the order of their characters, which is the order in which vocabularies number them.
BYTES: tuple[bytes, ...] = tuple(bytes([BYTE[character]]) for character in sorted(BYTE))


def written(piece: bytes) -> str:
    """Bytes as printable characters: b" the" is "Ġthe"."""
    return "".join(CHARACTER[byte] for byte in piece)


def read(piece: str) -> bytes:
    """The inverse of `written`. ValueError where a character stands for no byte."""
    try:
        return bytes(BYTE[character] for character in piece)
    except KeyError as error:
        raise ValueError(f"{error.args[0]!r} in {piece!r} stands for no byte") from None
