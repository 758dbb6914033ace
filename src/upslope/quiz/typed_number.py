"""A number as people type it: 55, 55.25, 1728, 1,728, 1_728 or 1 728."""

import re
from fractions import Fraction

_LONGEST = 30
_SIGNS = {"−": "-", "\u00a0": " ", "\u202f": " ", "\u2019": "'"}
_PLAIN = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?", re.ASCII)
_GROUPED = re.compile(r"[+-]?[0-9]{1,3}([,_ '])[0-9]{3}(\1[0-9]{3})*(\.[0-9]+)?", re.ASCII)


class NotANumber(Exception):
    """What was typed is no number; the message says what to type."""


def read_number(text: str) -> Fraction:
    """The number, exactly; signs between thousands are left out."""
    word = "".join(_SIGNS.get(sign, sign) for sign in text.strip())
    if not word:
        raise NotANumber("nothing was typed; type a number, ? for the working or q to stop")
    if len(word) > _LONGEST:
        raise NotANumber(f"{word[:12]}... is too long for an answer; type a number such as 1728")
    if re.fullmatch(r"[+-]?[0-9]+,[0-9]+", word, re.ASCII) and not _GROUPED.fullmatch(word):
        raise NotANumber(f"{word} can be read in two ways; write {word.replace(',', '.')}, or 1,728 for thousands")
    if not _PLAIN.fullmatch(word) and not _GROUPED.fullmatch(word):
        raise NotANumber(f'"{word}" is not a number; type one such as 1728, ? for the working or q to stop')
    return Fraction(re.sub(r"[,_ ']", "", word))


def shown(value: Fraction | int) -> str:
    """1,728; 55.25; 55.333 where it does not end."""
    if Fraction(value).denominator == 1:
        return f"{int(value):,}"
    return f"{float(value):,.3f}".rstrip("0")
