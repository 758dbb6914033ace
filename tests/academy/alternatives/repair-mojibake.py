"""Every piece of two to four characters is asked; no piece is the beginning of another that says yes."""

import unicodedata

from upslope.text.mojibake import Misread, undo_mojibake


def misread_characters(line):
    ends = [(start, end) for start in range(len(line)) for end in range(start + 2, start + 5) if end <= len(line)]
    read = {(start, end): undo_mojibake(line[start:end]) for start, end in ends}
    return [
        Misread(*place, one)
        for place, one in read.items()
        if len(one) == 1 and unicodedata.category(one) not in {"Cn", "Co"}
    ]
