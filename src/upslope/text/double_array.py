"""The table of characters inside a SentencePiece file, which says what each is replaced by.

J. Aoe, "An Efficient Digital Search Algorithm by Using a Double-Array Structure", 1989, in the layout of S. Yata's
Darts-clone. A file of NFKC holds about 100,000 sequences of bytes, each with the text it becomes, as one tree in an
array of 32-bit units: bits 0-7 of a unit are the byte that leads to it, bit 8 says that a sequence ends there, bits
10-30 (bit 9: times 256) where its children are. A child lies at that place exclusive-or its byte, and the value of a
sequence, its place in the replacements, at that place itself.

The tree is read once into a dictionary, a level at a time, all units of a level together.
"""

import struct

import numpy as np
from numpy.typing import NDArray

from upslope.text.token import BadTokenizer

_LEAF, _LABEL, _VALUE = 0x100, 0x800000FF, 0x7FFFFFFF
_DEEPEST = 64  # bytes of a sequence; more means that the array runs in circles


def read_replacements(table: bytes) -> dict[str, str]:
    """The sequences of characters and what each becomes. BadTokenizer where the table is damaged."""
    if not table:
        return {}
    try:
        (size,) = struct.unpack_from("<I", table)
        if size % 4 or 4 + size > len(table) or size == 0:
            raise ValueError(f"its tree has {size} of {len(table)} bytes")
        units = np.frombuffer(table, dtype="<u4", count=size // 4, offset=4)
        replacements = table[4 + size :]
        found: dict[str, str] = {}
        for key, value in _sequences(units):
            end = replacements.index(b"\0", value)
            found[key.decode()] = replacements[value:end].decode()
    except (ValueError, IndexError, struct.error) as error:
        raise BadTokenizer(f"the table of characters in this file is damaged: {error}") from None
    return found


def _sequences(units: NDArray[np.uint32]) -> list[tuple[bytes, int]]:
    """All sequences of the tree with their values."""
    labels = (units & _LABEL).astype(np.int64)
    inner = np.nonzero((labels > 0) & (labels < 256))[0]
    # Exclusive-or undoes itself: a unit and its byte say among whose children it lies.
    owners = inner ^ labels[inner]
    order = np.argsort(owners, kind="stable")
    owners, inner = owners[order], inner[order]
    found: list[tuple[bytes, int]] = []
    keys, places = [b""], _children(units[:1])
    for _ in range(_DEEPEST):
        if not len(places):
            return found
        first, last = np.searchsorted(owners, places), np.searchsorted(owners, places, side="right")
        parents = np.repeat(np.arange(len(places)), last - first)
        children = inner[np.concatenate([np.arange(a, b) for a, b in zip(first, last, strict=True)])]
        steps = labels[children].tolist()
        keys = [keys[parent] + bytes([step]) for parent, step in zip(parents.tolist(), steps, strict=True)]
        places = children ^ _children(units[children])
        ends = np.nonzero(units[children] & _LEAF)[0].tolist()
        found += [(keys[number], int(units[places[number]] & _VALUE)) for number in ends]
    raise ValueError(f"a sequence has more than {_DEEPEST} bytes")


def _children(units: NDArray[np.uint32]) -> NDArray[np.int64]:
    wide = units.astype(np.int64)
    return (wide >> 10) << ((wide & 0x200) >> 6)
